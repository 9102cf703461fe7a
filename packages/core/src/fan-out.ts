/**
 * Fan-out: writes each topic's batches to its listeners, in stretches that leave the event loop free.
 *
 * A publication waits for the end of the current turn of the event loop; what arrives for the same topic until its
 * walk begins shares its batch. While a walk is under way the next batch gathers, so a worker that falls behind
 * writes fewer, larger chunks: load makes it more efficient.
 *
 * Invariants: batches of one topic are delivered whole and in order, never two at once; no stretch holds the loop much
 * longer than `sliceMs`; what waits is bounded by `maxPendingChars`, beyond which the newest publication is dropped
 * and counted.
 */
import { Batch } from "./batch.js";
import type { Clock } from "./clock.js";
import type { Metrics } from "./metrics.js";
import { type Member, Roster } from "./roster.js";

/** Whoever listens to a topic: a subscription, or every connection. */
export interface Listener extends Member {
  /** Writes the batch. Called on the hot path: must not throw. */
  deliver(batch: Batch): void;
}

/** The listeners of one topic, and what waits for them. */
export class Audience<L extends Listener = Listener> {
  readonly listeners = new Roster<L>();
  /** The batch that gathers; owned by FanOut. */
  pending: Batch | undefined;
}

export interface FanOutOptions {
  /** How long one stretch may hold the event loop, ms. */
  readonly sliceMs: number;
  /** Characters that may wait over all topics. Default 64 Mi. */
  readonly maxPendingChars?: number;
}

/** A batch on its way through its audience. */
interface Walk {
  readonly audience: Audience;
  readonly batch: Batch;
  readonly end: number;
  slot: number;
}

/** Deliveries between two looks at the clock: about 0.2 ms of writes. */
const DELIVERIES_PER_LOOK = 32;

export class FanOut {
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #sliceMs: number;
  readonly #maxPendingChars: number;
  /** Audiences with a pending batch, in order of its first publication. */
  #queue: Audience[] = [];
  #walk: Walk | undefined;
  #pendingChars = 0;
  #state: "idle" | "scheduled" = "idle";

  constructor(options: FanOutOptions, clock: Clock, metrics: Metrics) {
    this.#sliceMs = options.sliceMs;
    this.#maxPendingChars = options.maxPendingChars ?? 64 * 1024 * 1024;
    this.#clock = clock;
    this.#metrics = metrics;
  }

  /** Characters that wait to be delivered. */
  get pendingChars(): number {
    return this.#pendingChars;
  }

  /** Queues one publication for an audience: as a frame of the protocol, and its data alone. */
  add(audience: Audience, push: string, data: string): void {
    if (this.#pendingChars + push.length > this.#maxPendingChars) {
      this.#metrics.add("fanout_dropped", 1);
      return;
    }
    if (audience.pending === undefined) {
      audience.pending = new Batch(this.#clock.monotonic());
      this.#queue.push(audience);
    }
    audience.pending.add(push, data);
    this.#pendingChars += push.length;
    if (this.#state === "idle") this.#schedule();
  }

  #schedule(): void {
    this.#state = "scheduled";
    this.#clock.defer(() => this.#stretch());
  }

  #stretch(): void {
    const deadline = this.#clock.monotonic() + this.#sliceMs;
    for (;;) {
      this.#walk ??= this.#nextWalk();
      if (this.#walk === undefined) {
        this.#state = "idle";
        return;
      }
      if (!this.#advance(this.#walk, deadline)) {
        this.#schedule();
        return;
      }
      this.#finish(this.#walk);
      this.#walk = undefined;
    }
  }

  /** Walks on until the audience's end (true) or the deadline (false). */
  #advance(walk: Walk, deadline: number): boolean {
    const { audience, batch, end } = walk;
    const { listeners } = audience;
    let slot = walk.slot;
    while (slot < end) {
      const stop = Math.min(end, slot + DELIVERIES_PER_LOOK);
      for (; slot < stop; slot++) listeners.at(slot)?.deliver(batch);
      if (slot < end && this.#clock.monotonic() >= deadline) {
        walk.slot = slot;
        return false;
      }
    }
    return true;
  }

  #nextWalk(): Walk | undefined {
    const audience = this.#queue.shift();
    const batch = audience?.pending;
    if (audience === undefined || batch === undefined) return undefined;
    audience.pending = undefined;
    return { audience, batch, end: audience.listeners.beginWalk(), slot: 0 };
  }

  #finish(walk: Walk): void {
    walk.audience.listeners.endWalk();
    this.#pendingChars -= walk.batch.chars;
    this.#metrics.observe("fanout_seconds", (this.#clock.monotonic() - walk.batch.since) / 1000);
  }
}
