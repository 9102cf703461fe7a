/**
 * Fan-out: writes each topic's batches to its listeners, in stretches that leave the event loop free.
 *
 * A publication waits for the end of the current turn of the event loop; what arrives for the same topic
 * until its walk begins shares its batch. While a walk is under way the next batch gathers, so a worker that
 * falls behind writes fewer, larger chunks: load makes it more efficient.
 *
 * Invariants: batches of one topic are delivered whole and in order, never two at once; no stretch holds the
 * loop much longer than `sliceMs`; what waits is bounded by `maxPendingChars`, beyond which the newest
 * publication is dropped and counted.
 */

import type { SentPush } from "@holdfast/protocol";
import type { Clock } from "../runtime/clock.js";
import type { Metrics } from "../runtime/metrics.js";
import { SlotArray, type Slotted } from "../runtime/slot-array.js";
import { Batch, type Span } from "./batch.js";
import { weightOf } from "./push.js";

/** A listener of a topic: a subscription, or every connection. */
export interface Listener extends Slotted {
  /** Writes the batch. Returns the bytes written, 0 for none. Called on the hot path: must not throw. */
  deliver(batch: Batch): number;
}

/** The listeners of one topic, and what waits for them. */
export class Audience<L extends Listener = Listener> {
  readonly listeners = new SlotArray<L>();
  /** The channel that they listen to, if it is one. */
  readonly channel: string | undefined;
  /** The batch that gathers; owned by FanOut. */
  pending: Batch | undefined;

  constructor(channel?: string) {
    this.channel = channel;
  }
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
  /** Listeners that it was written to, and the bytes of all these writes. */
  writes: number;
  bytes: number;
}

/** Deliveries between two looks at the clock: about 0.2 ms of writes. */
const DELIVERIES_PER_LOOK = 32;

export class FanOut {
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #sliceMs: number;
  readonly #maxPendingChars: number;
  /**
   * Audiences with a pending batch, in order of its first publication: first the rest of `turn`, then
   * `queue`.
   */
  #turn: Audience[] = [];
  #nextInTurn = 0;
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

  /**
   * Whether what was dropped may be brought again: not while half of what may wait does, or it would only be
   * dropped again.
   */
  get hasRoom(): boolean {
    return this.#pendingChars * 2 <= this.#maxPendingChars;
  }

  /**
   * Queues one publication for an audience. `span` is where the topic's stream stands before and after it.
   * False when too much waits already: then it is dropped and counted.
   */
  add(audience: Audience, push: SentPush, span?: Span): boolean {
    const weight = weightOf(push);
    if (this.#pendingChars + weight > this.#maxPendingChars) {
      this.#metrics.add("fanout_dropped", 1);
      return false;
    }
    this.#queuePush(audience, push, span, weight);
    return true;
  }

  /** Queues what must not be dropped, and is bounded by the caller: what was read from the log, a gap. */
  addAlways(audience: Audience, push: SentPush, span?: Span): void {
    this.#queuePush(audience, push, span, weightOf(push));
  }

  #queuePush(audience: Audience, push: SentPush, span: Span | undefined, weight: number): void {
    if (audience.pending === undefined) {
      audience.pending = new Batch(this.#clock.monotonic(), audience.channel);
      this.#queue.push(audience);
    }
    audience.pending.add(push, span, weight);
    this.#pendingChars += weight;
    if (this.#state === "idle") this.#schedule();
  }

  /**
   * Resolves when the loop has come round: what waits now has begun to be delivered, if there is not too
   * much.
   */
  turn(): Promise<void> {
    return new Promise((resolve) => this.#clock.defer(resolve));
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
      const now = this.#finish(this.#walk);
      this.#walk = undefined;
      // Also between walks: a thousand audiences of one listener are as long as one of a thousand.
      if (now >= deadline) return this.#schedule();
    }
  }

  /** Walks on until the audience's end (true) or the deadline (false). */
  #advance(walk: Walk, deadline: number): boolean {
    const { audience, batch, end } = walk;
    const { listeners } = audience;
    let { slot, writes, bytes } = walk;
    let more = false;
    while (slot < end) {
      const stop = Math.min(end, slot + DELIVERIES_PER_LOOK);
      for (; slot < stop; slot++) {
        const listener = listeners.at(slot);
        const written = listener === undefined ? 0 : listener.deliver(batch);
        if (written === 0) continue;
        writes++;
        bytes += written;
      }
      more = slot < end && this.#clock.monotonic() >= deadline;
      if (more) break;
    }
    walk.slot = slot;
    walk.writes = writes;
    walk.bytes = bytes;
    return !more;
  }

  #nextWalk(): Walk | undefined {
    if (this.#nextInTurn === this.#turn.length) {
      // Not `shift`, whose cost grows with the queue.
      this.#turn = this.#queue;
      this.#queue = [];
      this.#nextInTurn = 0;
    }
    const audience = this.#turn[this.#nextInTurn];
    const batch = audience?.pending;
    if (audience === undefined || batch === undefined) return undefined;
    this.#nextInTurn++;
    audience.pending = undefined;
    return { audience, batch, end: audience.listeners.beginWalk(), slot: 0, writes: 0, bytes: 0 };
  }

  /** Ends a walk and reports it, once for all its deliveries. Returns the time. */
  #finish({ audience, batch, writes, bytes }: Walk): number {
    const now = this.#clock.monotonic();
    audience.listeners.endWalk();
    this.#pendingChars -= batch.chars;
    this.#metrics.add("deliveries", writes * batch.size);
    this.#metrics.add("delivered_bytes", bytes);
    this.#metrics.observe("fanout_seconds", (now - batch.since) / 1000);
    return now;
  }
}
