/**
 * The target of a request in its four forms, RFC 9112 §3.2, as the one form that everything else reads: path
 * and query.
 *
 * Pure. Some forward proxies and load balancers send the absolute form on; its host then stands for `Host`.
 */
import { isHost } from "./field-values.js";

export interface RequestTarget {
  /** Path and query; `*` for the server as a whole. */
  readonly url: string;
  /** The host that the target names, which counts instead of `Host`. Undefined: it names none. */
  readonly host: string | undefined;
}

const ABSOLUTE = /^(?:https?|wss?):\/\/([^/?#]+)([^#]*)$/i;

/**
 * Undefined for a target that no request may have: one with a fragment, of another scheme, or of no form at
 * all.
 */
export function readTarget(method: string, target: string): RequestTarget | undefined {
  if (method === "CONNECT") return isHost(target) ? { url: target, host: undefined } : undefined;
  if (target.startsWith("/")) return target.includes("#") ? undefined : { url: target, host: undefined };
  if (target === "*") return method === "OPTIONS" ? { url: target, host: undefined } : undefined;
  const [, host, rest = ""] = ABSOLUTE.exec(target) ?? [];
  if (host === undefined || !isHost(host)) return undefined;
  // RFC 9112 §3.2.4: OPTIONS without a path is about the server as a whole.
  if (rest === "") return { url: method === "OPTIONS" ? "*" : "/", host };
  return { url: rest.startsWith("?") ? `/${rest}` : rest, host };
}
