/**
 * Drain: sends every client away, spread over a window, so that they do not come back as one wave.
 *
 *     notice ──(grace)──► disconnect
 *
 * Each client is told when to return, then disconnected with the code `drain`. Both go by the clock: the
 * ticker only says when to look, so ticks that a busy loop swallowed are caught up and the deadline holds.
 * The places in which clients return follow each other at a bounded rate also then: what was told late in one
 * go still returns one by one. Invariant: each connection that was open at the start gets one notice and one
 * disconnect, in the same order, and none is left open at the first tick after the deadline.
 */
import { disconnects } from "@holdfast/protocol";
import type { Clock } from "../runtime/clock.js";
import { TICK_MS, type Ticker } from "../runtime/ticker.js";
import type { Connection } from "./connection.js";
import type { Registry } from "./registry.js";

export interface DrainOptions {
  /**
   * Over how long the notices are spread at most, ms; 0 = all at once. A few go faster: one a tick is no
   * wave.
   */
  readonly windowMs: number;
  /** Shown to clients: why they are sent away. */
  readonly reason: string;
  /**
   * Clients that may return per second; where the window is too short for it, later ones stay away longer.
   */
  readonly ratePerSecond?: number;
}

/** What a client has to finish after its notice, at most; a shorter window shortens it. */
const MAX_GRACE_MS = 1000;
/** A window shorter than this still spreads the returns over this long. */
const MIN_RETURN_SPREAD_MS = 1000;

/** From the beginning to the moment at which all clients are disconnected. */
export function drainDeadlineMs(windowMs: number): number {
  return windowMs + graceOf(windowMs) + TICK_MS;
}

export class Drain {
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #reason: string;
  readonly #leaving: readonly Connection[];
  readonly #startedAt: number;
  /** From the first notice to the last. */
  readonly #spreadMs: number;
  readonly #graceMs: number;
  readonly #deadlineMs: number;
  /** From one client's place in which to return to the next one's. */
  readonly #returnEveryMs: number;
  readonly #onProgress: (left: number) => void;
  /** How many of `leaving` had been told at which time, for each turn of the last grace period. */
  readonly #tellings: { readonly told: number; readonly at: number }[] = [];
  #told = 0;
  #sent = 0;
  /** Where the next free place in which to return begins, ms since the start. */
  #returnAt = 0;
  readonly #stop: () => void;
  #resolve: () => void = () => {};
  readonly #done: Promise<void>;

  constructor(
    options: DrainOptions,
    registry: Registry,
    ticker: Ticker,
    clock: Clock,
    random: () => number,
    onProgress: (left: number) => void,
  ) {
    const { windowMs, reason, ratePerSecond = Number.POSITIVE_INFINITY } = options;
    this.#registry = registry;
    this.#clock = clock;
    this.#random = random;
    this.#reason = reason;
    this.#onProgress = onProgress;
    this.#leaving = [...registry.connections];
    this.#startedAt = clock.monotonic();
    this.#spreadMs = Math.min(windowMs, this.#leaving.length * TICK_MS);
    this.#graceMs = graceOf(windowMs);
    this.#deadlineMs = drainDeadlineMs(windowMs);
    const evenly = Math.min(TICK_MS, Math.max(windowMs, MIN_RETURN_SPREAD_MS) / this.#leaving.length);
    this.#returnEveryMs = Math.max(evenly, 1000 / ratePerSecond);
    this.#done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#stop = ticker.add(() => this.#turn());
  }

  /** Resolves when the last transport has ended, or at `end`. */
  get done(): Promise<void> {
    return this.#done;
  }

  /** Sends no more clients away, and says that it is done. Idempotent. */
  end(): void {
    this.#stop();
    this.#resolve();
  }

  #turn(): void {
    const now = this.#clock.monotonic() - this.#startedAt;
    this.#tell(now);
    this.#disconnect(now);
    this.#onProgress(this.#registry.open);
    // Also before the window is over: clients that were told may all have left by themselves.
    if (this.#registry.open === 0) this.end();
  }

  #tell(now: number): void {
    const all = this.#leaving.length;
    const due = now >= this.#spreadMs ? all : Math.ceil((all * now) / this.#spreadMs);
    const deadline = Math.max(0, Math.round(Math.min(this.#graceMs, this.#deadlineMs - now)));
    for (; this.#told < due; this.#told++) {
      const place = Math.max(this.#returnAt, now);
      this.#returnAt = place + this.#returnEveryMs;
      const reconnectAfter = Math.floor(place + this.#random() * this.#returnEveryMs - now);
      const connection = this.#leaving[this.#told];
      if (connection !== undefined) tellDrain(connection, reconnectAfter, deadline, this.#reason);
    }
    this.#tellings.push({ told: this.#told, at: now });
  }

  /** Connections whose grace is over; at the deadline all, whenever they were told. */
  #disconnect(now: number): void {
    let due = this.#sent;
    if (now >= this.#deadlineMs) due = this.#told;
    else {
      for (let first = this.#tellings[0]; first !== undefined; first = this.#tellings[0]) {
        if (now - first.at < this.#graceMs) break;
        due = first.told;
        this.#tellings.shift();
      }
    }
    for (; this.#sent < due; this.#sent++) this.#leaving[this.#sent]?.disconnect(disconnects.drain);
  }
}

/** Tells the client when to come back; `disconnect` follows. */
export function tellDrain(
  connection: Connection,
  reconnectAfter: number,
  deadline: number,
  reason: string,
): void {
  connection.transport.setRetryDelay?.(reconnectAfter);
  connection.push({ op: "drain", body: { reconnectAfter, deadline, reason } });
}

function graceOf(windowMs: number): number {
  return Math.max(TICK_MS, Math.min(MAX_GRACE_MS, windowMs));
}
