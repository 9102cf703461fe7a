/**
 * One ioredis client with one life: it connects once, and once it has ended it stays so.
 *
 * Reconnecting is the business of connection.ts alone, which knows when everything is restored; ioredis's own
 * retries, queues and resubscriptions are therefore all off. Aborting the signal ends the client, whatever it
 * is doing.
 */
import { type Cluster, Redis, type RedisOptions } from "ioredis";
import type { RedisAccess } from "../target.js";
import { hangUp } from "./hang-up.js";
import { isReply } from "./pings.js";
import type { Reasons } from "./reason.js";
import type { Handshakes } from "./stream-errors.js";

/** How long a server may take to hang up after we did, ms; then the socket is destroyed. */
const HANG_UP_MS = 100;

/** Without what ioredis forbids for a Cluster's connections. */
export type ConnectionOptions = Omit<RedisOptions, "replyMapping" | "himportFieldsets">;

/** The options of every connection, to whichever server. */
export function connectionOptions(
  access: RedisAccess,
  timeoutMs: number,
  handshakes: Handshakes,
): ConnectionOptions {
  return {
    username: access.username,
    password: access.password,
    tls: access.tls ? handshakes.tlsOptions : undefined,
    lazyConnect: true,
    connectTimeout: timeoutMs,
    disconnectTimeout: HANG_UP_MS,
    retryStrategy: null,
    maxRetriesPerRequest: null,
    enableOfflineQueue: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
  };
}

type Told = (error: Error | null | undefined, text?: string) => void;

const NO_INFO = /^NOPERM |^ERR unknown command/i;

/**
 * A server's client, which takes one that does not answer INFO. ioredis asks that before it lets commands
 * through: whether the data is loaded, and whether a Sentinel's server is the master. Without the command
 * (`rename-command INFO ""`) it is never ready, and where that is forbidden it writes to stderr. Both are
 * taken to be ready: the role is asked anyway, and a server that loads its data says so to the first command.
 */
export function newServer(options: ConnectionOptions): Redis {
  const raw = new Redis(options);
  const info = raw.info.bind(raw) as (told: Told) => Promise<unknown>;
  const tolerant = (told: Told): Promise<unknown> =>
    info((error, text) =>
      isReply(error) && NO_INFO.test(error.message) ? told(null, "") : told(error, text),
    );
  Object.defineProperty(raw, "info", { value: tolerant });
  return raw;
}

/** What ends clients together. */
export interface ClientScope {
  /** Ends every client, also while it connects. */
  readonly signal: AbortSignal;
  /** The end of every client that was made, to be waited for. */
  readonly ends: Promise<string>[];
  readonly reasonOf: Reasons;
  readonly handshakes: Handshakes;
}

export class RedisClient<Raw extends Redis | Cluster> {
  readonly raw: Raw;
  readonly #signal: AbortSignal;
  /** Settles with the reason when the client has ended, by itself or by the signal. Never rejects. */
  readonly ended: Promise<string>;

  constructor(raw: Raw, { signal, ends, reasonOf, handshakes }: ClientScope) {
    this.raw = raw;
    this.#signal = signal;
    // ioredis says why in an event, and rejects `connect` with "Connection is closed." only.
    let reason = "the connection was closed";
    const remember = (error: unknown): void => {
      reason = reasonOf(error);
    };
    raw.on("error", remember);
    raw.on("node error", remember);
    const end = (): void => {
      if (raw instanceof Redis) return hangUp(raw);
      for (const node of raw.nodes()) hangUp(node);
      raw.disconnect();
    };
    this.ended = new Promise((resolve) => {
      raw.once("end", () => {
        signal.removeEventListener("abort", end);
        resolve(handshakes.explain(reason));
      });
    });
    ends.push(this.ended);
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  }

  /** Resolves when commands can be sent; rejects with the reason when that will never be. */
  async connect(): Promise<void> {
    // ioredis would connect again after its end.
    if (this.#signal.aborted) throw new Error("closed");
    const failed = this.ended.then((reason) => {
      throw new Error(reason);
    });
    await Promise.race([this.raw.connect().catch(() => failed), failed]);
  }
}
