/**
 * What a client can be told, with every default in one place.
 *
 * Resolved once: `resolveOptions` reports all problems together, each with its path, and knows no unknown
 * key.
 */
import { BACKOFF_DEFAULTS, type BackoffOptions } from "@holdfast/protocol";
import { type Clock, systemClock } from "./clock.js";
import { type Network, systemNetwork } from "./network.js";
import type { GetToken } from "./token-source.js";
import type { TransportName } from "./transports/transport.js";
import { type ClientEncoding, findTransports, type Transports } from "./transports/transports.js";
import type { WebSocketClass } from "./transports/web-socket.js";

/** Where a page remembers what worked: a part of the standard's Storage. */
export interface TransportStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

export interface ClientOptions {
  /** Delays between attempts. Defaults as the protocol says: 0.5 s to 20 s, reset after 10 s of stability. */
  readonly backoff?: Partial<BackoffOptions>;
  /** Time and timers. Default: the platform's. For tests. */
  readonly clock?: Clock;
  /** How long a command may wait for its reply, ms. Default 10_000. */
  readonly commandTimeoutMs?: number;
  /**
   * How long an attempt may take: first `getToken`, then socket and connect reply, ms each. Default 10_000.
   */
  readonly connectTimeoutMs?: number;
  /**
   * How frames and bytes look: `msgpack` of `@holdfast/client/msgpack`, with which data may be a Uint8Array.
   * Default JSON, where bytes are their base64.
   */
  readonly encoding?: ClientEncoding;
  /** Default `globalThis.fetch`. For tests, and for platforms without it. */
  readonly fetch?: typeof globalThis.fetch;
  /**
   * Asked for a token before each attempt and when the server wants a new one, never twice at once. Excludes
   * `token`.
   */
  readonly getToken?: GetToken;
  /**
   * Name and version of the application for the operator's logs, ≤ 64 characters. Default
   * `holdfast-js/<version>`.
   */
  readonly name?: string;
  /** Whether the device is offline. Default: the browser's word, else never. For tests. */
  readonly network?: Network;
  /** Uniform in [0, 1). Default `Math.random`. For tests. */
  readonly random?: () => number;
  /**
   * Where to remember which transport worked. Default: the page's `sessionStorage` if it may be used, else
   * nowhere.
   */
  readonly storage?: TransportStorage;
  /** A token that never changes. Excludes `getToken`. */
  readonly token?: string;
  /**
   * What may be used, tried in this order whatever the order here. Default `["websocket", "sse", "poll"]`.
   */
  readonly transports?: readonly TransportName[];
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
  /** Whether another token may come where one has expired. */
  readonly renewable: boolean;
  readonly encoding: ClientEncoding | undefined;
  readonly name: string;
  readonly network: Network;
  readonly random: () => number;
  readonly storage: TransportStorage | undefined;
  readonly transports: Transports;
}

/** Equal to the package's version; a test compares them. */
export const VERSION = "0.1.0";

/** What a timer can hold, ms: more would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Throws one TypeError that lists every problem. */
export function resolveOptions(given: ClientOptions): ResolvedOptions {
  const problems: string[] = [];
  const duration = (path: string, value: number): number => {
    if (!(value > 0 && value <= MAX_TIMER_MS))
      problems.push(`${path}: ${value} is not a number of ms above 0`);
    return value;
  };
  const { token, getToken } = given;
  if (token !== undefined && getToken !== undefined) problems.push("token: not together with getToken");
  const backoff = { ...BACKOFF_DEFAULTS, ...given.backoff };
  for (const [key, value] of Object.entries(backoff)) duration(`backoff.${key}`, value);
  const clock = given.clock ?? systemClock;
  const commandTimeoutMs = duration("commandTimeoutMs", given.commandTimeoutMs ?? 10_000);
  const random = given.random ?? Math.random;
  const { encoding } = given;
  const resolved = {
    backoff,
    clock,
    encoding,
    commandTimeoutMs,
    connectTimeoutMs: duration("connectTimeoutMs", given.connectTimeoutMs ?? 10_000),
    getToken: getToken ?? (() => token),
    renewable: getToken !== undefined,
    name: given.name ?? `holdfast-js/${VERSION}`,
    network: given.network ?? systemNetwork,
    random,
    storage: given.storage ?? pageStorage(),
    transports: findTransports(given.transports, given.WebSocket, encoding, {
      clock,
      commandTimeoutMs,
      fetch: given.fetch,
      random,
    }),
  };
  const known = { ...resolved, fetch: 0, token: 0, WebSocket: 0 };
  for (const key in given) if (!(key in known)) problems.push(`${key}: no such option`);
  if (problems.length > 0) throw new TypeError(`Options of the client: ${problems.join("; ")}`);
  return resolved;
}

/** A page may have none, or not be allowed to ask. */
function pageStorage(): TransportStorage | undefined {
  try {
    return "document" in globalThis ? globalThis.sessionStorage : undefined;
  } catch {
    return undefined;
  }
}
