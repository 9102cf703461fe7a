/**
 * Sockets that wait for something: each has a deadline, and there is a limit to how many may wait. Those that
 * have not become a WebSocket yet, those between two requests, and WebSockets that are leaving.
 *
 * Node arms its own header timeouts when a server begins to listen, and a worker never listens: its sockets
 * come from the primary. Without this a peer that never finishes its request would be kept for ever. An
 * ordinary HTTP exchange has to fit in the same time, answer included.
 * One sweep for all sockets, no timer and no listener each. Invariant: the map is in order of arrival, which
 * is the order of deadlines too.
 */
import type { Duplex } from "node:stream";
import type { Clock, Timer } from "@holdfast/core";

const SWEEP_INTERVAL_MS = 1_000;
/** Far beyond what the primary lets wait in front of one worker. */
const MAX_WAITING = 16_384;

/** A socket, as far as it waits. */
export interface WaitingSocket {
  readonly destroyed: boolean;
  destroy(): void;
}

export class WaitingSockets<S extends WaitingSocket = Duplex> {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #limit: number;
  /** When each arrived, in the clock's monotonic ms. */
  readonly #arrivals = new Map<S, number>();
  readonly #timer: Timer;

  /** A socket is destroyed between `timeoutMs` and a second later. */
  constructor(clock: Clock, timeoutMs: number, limit = MAX_WAITING) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#limit = limit;
    this.#timer = clock.every(SWEEP_INTERVAL_MS, () => this.#sweep());
  }

  get size(): number {
    return this.#arrivals.size;
  }

  /** Whether too many wait already. */
  get isFull(): boolean {
    if (this.#arrivals.size >= this.#limit) this.#sweep();
    return this.#arrivals.size >= this.#limit;
  }

  /** False when too many wait already; the caller turns the socket away. */
  add(socket: S): boolean {
    if (this.isFull) return false;
    this.#arrivals.set(socket, this.#clock.monotonic());
    return true;
  }

  /** What it waited for has come. Returns how long it waited, in seconds; undefined for a stranger. */
  release(socket: S): number | undefined {
    const arrival = this.#arrivals.get(socket);
    if (arrival === undefined) return undefined;
    this.#arrivals.delete(socket);
    return (this.#clock.monotonic() - arrival) / 1000;
  }

  /** Destroys those that wait, and watches no more. Idempotent. */
  close(): void {
    this.#timer.cancel();
    this.clear();
  }

  /** Destroys those that wait now. */
  clear(): void {
    for (const socket of this.#arrivals.keys()) socket.destroy();
    this.#arrivals.clear();
  }

  #sweep(): void {
    const oldest = this.#clock.monotonic() - this.#timeoutMs;
    for (const [socket, arrival] of this.#arrivals) {
      if (arrival <= oldest) socket.destroy();
      if (socket.destroyed) this.#arrivals.delete(socket);
    }
  }
}
