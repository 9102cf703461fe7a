/**
 * A request's head, as far as the front door has to understand it: where it ends and which session it names.
 *
 * Pure, on latin1 text: one character is one byte. It reads the request line only: a `sid=` in a cookie, a
 * Referer or a longer parameter's name is not a session. The worker parses the head in full and answers what
 * is wrong with it.
 */

import { isUpgrade, readPlainHead } from "./plain-head.js";
import { readTarget } from "./request-target.js";

const END = "\r\n\r\n";
const REQUEST_LINE = /^([A-Z][A-Z-]*) (\S+) HTTP\/(\d)\.(\d)\r\n/;
/** Of HTTP/1.0, as some load balancers ask. */
const OLD_PROBE = /^GET \/healthz HTTP\/1\.0\r\n/;

/**
 * Where the head ends: the index after its empty line, or -1. `from` is how many bytes were looked at before,
 * so that a head in many segments is searched once.
 */
export function headEnd(text: string, from = 0): number {
  const index = text.indexOf(END, Math.max(0, from - END.length + 1));
  return index === -1 ? -1 : index + END.length;
}

/** Empty lines before the request, which are skipped: RFC 9112 §2.2. How many bytes they have. */
export function emptyLines(text: string): number {
  const first = text.charCodeAt(0);
  return first === 0x0d || first === 0x0a ? (/^(?:\r?\n)+/.exec(text)?.[0].length ?? 0) : 0;
}

/**
 * True when the first bytes could begin an HTTP request: what is certainly none is refused before its
 * deadline.
 */
export function mayBeHttp(text: string): boolean {
  return text === "" || text === "\r" || /^[A-Z]/.test(text);
}

/** The request line of a head: what it asks for, and by which version of HTTP. */
export interface RequestLine {
  readonly method: string;
  /** Path and query; as it came where it has no such form, which the worker refuses. */
  readonly target: string;
  readonly major: number;
  readonly minor: number;
}

/** Undefined where there is no request line. */
export function readRequestLine(head: string): RequestLine | undefined {
  const [, method = "", target, major, minor] = REQUEST_LINE.exec(head) ?? [];
  if (target === undefined) return undefined;
  return {
    method,
    target: readTarget(method, target)?.url ?? target,
    major: Number(major),
    minor: Number(minor),
  };
}

/**
 * RFC 9110 §2.5: a later minor version is processed as the highest one that is known. Node's parser knows 1.0
 * and 1.1.
 */
export function asKnownVersion(head: string): string {
  return head.replace(/^(\S+ \S+ HTTP\/1\.)\d+/, "$11");
}

/** Whether it asks for `/healthz`. */
export function isHealthCheck(target: string): boolean {
  return /^\/healthz(?:\?|$)/.test(target);
}

/**
 * Whether it is a health check and nothing else: a plain `GET /healthz`, with nothing behind its head. Any
 * other, one without a `Host` for example, is answered by a worker.
 */
export function isProbe(head: string): boolean {
  if (!head.startsWith("GET /healthz ") || !head.endsWith(END) || headEnd(head) !== head.length) return false;
  const plain = readPlainHead(OLD_PROBE.test(head) ? asPlain(head) : head);
  return plain !== undefined && !isUpgrade(plain);
}

/** An HTTP/1.0 request may go without a `Host`. */
function asPlain(head: string): string {
  const host = /\r\nhost:/i.test(head) ? "" : "\r\nHost:";
  return head.replace(OLD_PROBE, `GET /healthz HTTP/1.1${host}\r\n`);
}

/** The `sid` parameter of a target's query, as it came. Of several the last, as in the worker. */
export function sessionIdOf(target: string): string | undefined {
  return target.includes("sid=") ? /^[^?#]*\?(?:[^#]*&)?sid=([^&#]*)/.exec(target)?.[1] : undefined;
}
