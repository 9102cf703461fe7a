/**
 * The transport seam: how frames travel. One of WebSocket, SSE and long-poll; the connection above it sees no
 * difference.
 *
 * A transport carries text that holds frames, in order, each once or not at all, and finds out when it is
 * over. Invariants: it tells nothing before the call that made it has returned, nothing after `endedBy`, and
 * nothing at all after `close()`; it never rejects and never throws.
 */
import type { Clock } from "../clock.js";
import type { Ending } from "../wire/ending.js";
import type { HoldfastError } from "../wire/errors.js";
import type { ConnectReply } from "../wire/inbound.js";

/** From the best to the one that passes everywhere. */
export const TRANSPORTS = Object.freeze(["websocket", "sse", "poll"] as const);

export type TransportName = (typeof TRANSPORTS)[number];

export interface TransportEvents {
  /** The first message, which holds the connect command, can be sent. Once. */
  opened(): void;
  /**
   * Bytes came, whatever they mean: the server lives. `quietMs`: how long the server may say nothing from now
   * on, where that is longer than its pings promise, as where a poll is held.
   */
  heard(quietMs?: number): void;
  /** Frames separated by newlines, or a list of frames. Anything else is the server's fault. */
  message(data: unknown): void;
  /** Something was wrong that did not end the transport. */
  problem(error: HoldfastError): void;
  endedBy(ending: Ending): void;
}

export interface ClientTransport {
  /** Sends frames separated by newlines, after `opened`. */
  send(message: string): void;
  /**
   * The connect reply has come; requests that follow name the session. Returns the bytes that leave with each
   * message beside it.
   */
  connected?(result: ConnectReply): number;
  /** The session has another resume token: the one before is good no more. */
  renewed?(resumeToken: string): void;
  /** Ends it without a word. Idempotent. */
  close(): void;
}

/** What the transports over HTTP need. */
export interface HttpOptions {
  readonly clock: Clock;
  readonly fetch: typeof globalThis.fetch;
  readonly random: () => number;
  /** How long a request that the server answers at once may take, ms. */
  readonly commandTimeoutMs: number;
}
