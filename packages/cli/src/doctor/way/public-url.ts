/**
 * The public URL of a gateway, and how it is tried.
 *
 * Owns which URLs are taken. Invariant: no secret is in it; a token is brought beside it.
 */
import type { Fact, TakenFor } from "@holdfast/doctor";
import { Failure } from "../../failure.js";
import { maskedUrl } from "../../masked-url.js";

export interface WayOptions {
  /** `wss://host/ws`. */
  readonly url: URL;
  /** What to connect with. */
  readonly token: string | undefined;
  /** How long silence is waited for at most, ms. */
  readonly silenceMs: number;
  readonly signal: AbortSignal;
  /** Asks the admin port whom it took the probe of a name for. */
  readonly askSeen: (name: string) => Promise<Fact<TakenFor>>;
  /** What is being done, for a person who waits. */
  readonly onProgress: (text: string) => void;
}

/** The URL of `--url`. Throws `Failure` for what is none. */
export function publicUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^wss?:$/.test(url.protocol)) {
    throw new Failure(
      `--url must be the address that clients have, such as wss://push.example.com/ws, not ${JSON.stringify(maskedUrl(text))}`,
      2,
    );
  }
  if (url.username + url.password + url.search + url.hash !== "")
    throw new Failure("--url must have no user name, password or query: bring a token with --token", 2);
  if (url.pathname === "/") url.pathname = "/ws";
  return url;
}

/** `path` of the same host, where plain requests go. The gateway may lie below a path of a proxy's. */
export function httpUrl(url: URL, path: string): URL {
  const made = new URL(url);
  made.protocol = url.protocol === "wss:" ? "https:" : "http:";
  made.pathname = url.pathname.replace(/\/ws$/, "") + path;
  return made;
}
