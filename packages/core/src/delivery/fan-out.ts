/**
 * Fan-out: writes each topic's batches to its listeners, in stretches that leave the event loop free.
 *
 * A publication waits for the end of the current turn of the event loop; what arrives for the same topic
 * until its walk begins shares its batch. While a walk is under way the next batch gathers, so a worker that
 * falls behind writes fewer, larger chunks: load makes it more efficient.
 *
 * Where several topics have a batch in one turn, a cork holds what is written until all of them were walked:
 * a connection that listens to many of them is written once (cork.ts).
 *
 * Invariants: batches of one topic are delivered whole and in order, never two at once; no stretch holds the
 * loop much longer than `sliceMs`; what waits or is held is bounded by `maxPendingChars`, beyond which the
 * newest publication is dropped and counted.
 */

import type { SentPush } from "@holdfast/protocol";
import type { Clock } from "../runtime/clock.js";
import type { Metrics } from "../runtime/metrics.js";
import { SlotArray, type Slotted } from "../runtime/slot-array.js";
import type { Tracing } from "../runtime/tracing.js";
import { Batch, type Span } from "./batch.js";
import type { Cork } from "./cork.js";
import { weightOf } from "./push.js";
import { TurnQueue } from "./turn-queue.js";

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
  /** Bytes from which its messages may be compressed; undefined: never. Set once, before the first. */
  compressFrom: number | undefined = undefined;
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

const MAX_PENDING_CHARS = 64 * 1024 * 1024;
/** Deliveries between two looks at the clock: about 0.2 ms of writes. */
const DELIVERIES_PER_LOOK = 32;

/** The cork, as far as the fan-out turns it. */
export type FanOutCork = Pick<Cork, "isEmpty" | "isFull" | "isHolding" | "open" | "flush">;

export class FanOut {
  readonly #cork: FanOutCork;
  /** What was walked and is still held. */
  readonly #held: Batch[] = [];
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #options: Required<FanOutOptions>;
  readonly #tracing: Tracing | undefined;
  /** Audiences with a pending batch, in order of its first publication. */
  readonly #queue = new TurnQueue<Audience>();
  #walk: Walk | undefined;
  #pendingChars = 0;
  #state: "idle" | "scheduled" = "idle";

  constructor(options: FanOutOptions, clock: Clock, metrics: Metrics, cork: FanOutCork, tracing?: Tracing) {
    this.#cork = cork;
    this.#tracing = tracing;
    this.#options = Object.freeze({ maxPendingChars: MAX_PENDING_CHARS, ...options });
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
    return this.#pendingChars * 2 <= this.#options.maxPendingChars;
  }

  /**
   * Queues one publication for an audience. `span` is where the topic's stream stands before and after it.
   * False when too much waits already: then it is dropped and counted.
   */
  add(audience: Audience, push: SentPush, span?: Span): boolean {
    const weight = weightOf(push);
    if (this.#pendingChars + weight > this.#options.maxPendingChars) {
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
      audience.pending = new Batch(this.#clock.monotonic(), audience.channel, audience.compressFrom);
      this.#queue.put(audience);
    }
    audience.pending.add(push, span, weight);
    if (this.#tracing !== undefined) audience.pending.trace(this.#tracing, push);
    this.#pendingChars += weight;
    if (this.#state !== "idle") return;
    this.#clock.rest?.wake();
    this.#schedule();
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
    const deadline = this.#clock.monotonic() + this.#options.sliceMs;
    for (;;) {
      if (this.#isToFlush && !this.#flush(deadline)) return this.#schedule();
      this.#walk ??= this.#nextWalk();
      if (this.#walk === undefined) {
        this.#state = "idle";
        return;
      }
      const isWalked = this.#advance(this.#walk, deadline);
      if (isWalked) {
        this.#finish(this.#walk);
        this.#walk = undefined;
      }
      // Also between walks: a thousand audiences of one listener are as long as one of a thousand.
      if (this.#clock.monotonic() >= deadline) return this.#schedule();
    }
  }

  /** Whether all of the turn were walked, or no more can be held, or it has begun. */
  get #isToFlush(): boolean {
    const { isEmpty, isFull, isHolding } = this.#cork;
    if (isEmpty && this.#held.length === 0) return false;
    return isFull || !isHolding || (this.#walk === undefined && this.#queue.isTurnOver);
  }

  /** Writes what is held, until the deadline. False where something is left. */
  #flush(deadline: number): boolean {
    if (!this.#cork.flush(() => this.#clock.monotonic() >= deadline)) return false;
    const now = this.#clock.monotonic();
    for (const batch of this.#held.splice(0)) this.#delivered(batch, now);
    if (this.#walk !== undefined || !this.#queue.isTurnOver) this.#cork.open();
    return now < deadline;
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
      more = slot < end && (this.#cork.isFull || this.#clock.monotonic() >= deadline);
      if (more) break;
    }
    walk.slot = slot;
    walk.writes = writes;
    walk.bytes = bytes;
    return !more;
  }

  #nextWalk(): Walk | undefined {
    const isNewTurn = this.#queue.isTurnOver;
    const audience = this.#queue.take();
    const batch = audience?.pending;
    if (audience === undefined || batch === undefined) return undefined;
    if (isNewTurn && this.#queue.turnSize > 1) this.#cork.open();
    audience.pending = undefined;
    return { audience, batch, end: audience.listeners.beginWalk(), slot: 0, writes: 0, bytes: 0 };
  }

  /** Ends a walk and reports it, once for all its deliveries. */
  #finish({ audience, batch, writes, bytes }: Walk): void {
    audience.listeners.endWalk();
    batch.traces?.written(writes, bytes);
    this.#metrics.add("deliveries", writes * batch.size);
    this.#metrics.add("delivered_bytes", bytes);
    if (this.#cork.isHolding) this.#held.push(batch);
    else this.#delivered(batch, this.#clock.monotonic());
  }

  /** Every listener was written the batch. */
  #delivered(batch: Batch, now: number): void {
    this.#pendingChars -= batch.chars;
    batch.traces?.end();
    this.#metrics.observe("fanout_seconds", (now - batch.since) / 1000);
  }
}
