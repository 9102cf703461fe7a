/**
 * What a client can be told, with every default in one place.
 *
 * Resolved once: `resolveOptions` reports all problems together, each with its path, and knows no unknown key.
 */
import { BACKOFF_DEFAULTS, type BackoffOptions } from "@holdfast/protocol";
import { type Clock, systemClock } from "./clock.js";
import { type Network, systemNetwork } from "./network.js";
import type { GetToken } from "./token-source.js";
import { findWebSocket, type WebSocketClass } from "./web-socket.js";

export interface ClientOptions {
  /** Delays between attempts. Defaults as the protocol says: 0.5 s to 20 s, reset after 10 s of stability. */
  readonly backoff?: Partial<BackoffOptions>;
  /** Time and timers. Default: the platform's. For tests. */
  readonly clock?: Clock;
  /** How long a command may wait for its reply, ms. Default 10_000. */
  readonly commandTimeoutMs?: number;
  /** How long an attempt may take: first `getToken`, then socket and connect reply, ms each. Default 10_000. */
  readonly connectTimeoutMs?: number;
  /** Asked for a token before each attempt, never twice at once. Excludes `token`. */
  readonly getToken?: GetToken;
  /** Name and version of the application for the operator's logs, ≤ 64 characters. Default `holdfast-js/<version>`. */
  readonly name?: string;
  /** Whether the device is offline. Default: the browser's word, else never. For tests. */
  readonly network?: Network;
  /** Uniform in [0, 1). Default `Math.random`. For tests. */
  readonly random?: () => number;
  /** A token that never changes. Excludes `getToken`. */
  readonly token?: string;
  /** The class of sockets. Default `globalThis.WebSocket`, which Node.js has from version 22. */
  readonly WebSocket?: WebSocketClass;
}

/** Options, complete. */
export interface ResolvedOptions {
  readonly backoff: BackoffOptions;
  readonly clock: Clock;
  readonly commandTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly getToken: GetToken;
  readonly name: string;
  readonly network: Network;
  readonly random: () => number;
  readonly WebSocket: WebSocketClass;
}

/** Equal to the package's version; a test compares them. */
export const VERSION = "0.1.0";

/** What a timer can hold, ms: more would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const known =
  "backoff clock commandTimeoutMs connectTimeoutMs getToken name network random token WebSocket".split(" ");

/** Throws one TypeError that lists every problem. */
export function resolveOptions(given: ClientOptions): ResolvedOptions {
  const problems: string[] = [];
  const duration = (path: string, value: number): number => {
    if (!(value > 0 && value <= MAX_TIMER_MS))
      problems.push(`${path}: ${value} is not a number of ms above 0`);
    return value;
  };
  for (const key of Object.keys(given)) if (!known.includes(key)) problems.push(`${key}: no such option`);
  const { token, getToken } = given;
  if (token !== undefined && getToken !== undefined) problems.push("token: not together with getToken");
  const backoff = { ...BACKOFF_DEFAULTS, ...given.backoff };
  for (const [key, value] of Object.entries(backoff)) duration(`backoff.${key}`, value);
  const resolved = Object.freeze({
    backoff,
    clock: given.clock ?? systemClock,
    commandTimeoutMs: duration("commandTimeoutMs", given.commandTimeoutMs ?? 10_000),
    connectTimeoutMs: duration("connectTimeoutMs", given.connectTimeoutMs ?? 10_000),
    getToken: getToken ?? (() => token),
    name: given.name ?? `holdfast-js/${VERSION}`,
    network: given.network ?? systemNetwork,
    random: given.random ?? Math.random,
    WebSocket: findWebSocket(given.WebSocket),
  });
  if (problems.length > 0) throw new TypeError(`Options of the client: ${problems.join("; ")}`);
  return resolved;
}
