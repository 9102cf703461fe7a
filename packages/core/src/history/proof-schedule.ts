/**
 * Proof schedule: when the streams of this worker are compared with their logs.
 *
 * - After an outage of the broker: all streams, `MAX_PROOFS_AT_ONCE` at a time.
 * - After a failed read, or where a publication found no room: with one of the next ticks.
 * - An idle stream: every `positionCheck`, at a bounded rate.
 *
 * Leaves the comparison to `prove`, which it is given. Invariant: nothing is read while too much waits to be
 * delivered, because what a log brings is never dropped.
 */
import { type Broker, stateOf } from "../broker/broker.js";
import type { FanOut } from "../delivery/fan-out.js";
import type { Metrics } from "../runtime/metrics.js";
import { SlotArray } from "../runtime/slot-array.js";
import type { Ticker } from "../runtime/ticker.js";
import type { ReadTopic } from "./log-reads.js";
import type { Stream } from "./stream.js";

/** A topic whose stream is compared with its log. */
export interface ProvenTopic extends ReadTopic {
  readonly stream: Stream | undefined;
  /** The broker's confirmation of the subscription, while it is awaited. */
  readonly confirming: Promise<void> | undefined;
  /** Among the topics with a stream; -1 outside. */
  slot: number;
}

export interface ProofScheduleParts<T extends ProvenTopic> {
  readonly broker: Broker;
  readonly fanOut: FanOut;
  readonly ticker: Ticker;
  readonly metrics: Metrics;
  /** Compares a stream with its log. Never rejects. */
  readonly prove: (topic: T, stream: Stream) => Promise<void>;
}

/**
 * Looks at quiet streams a tick: 200 a second. With more streams than that allows, each is looked at less
 * often.
 */
const MAX_CHECKS_PER_TICK = 20;
/** Streams that are proven at once after an outage. */
const MAX_PROOFS_AT_ONCE = 256;

export class ProofSchedule<T extends ProvenTopic> {
  readonly #parts: ProofScheduleParts<T>;
  readonly #checkTicks: number;
  readonly #topics = new SlotArray<T>();
  /** The next slot to prove after an outage; at the end of the slot array when all are. */
  #unproven = Number.POSITIVE_INFINITY;
  #proofs = 0;
  /** Topics whose log could not be read, or not be delivered. */
  readonly #overdue = new Set<T>();

  /** `checkTicks`: between two looks at an idle stream. */
  constructor(checkTicks: number, parts: ProofScheduleParts<T>) {
    this.#checkTicks = checkTicks;
    this.#parts = parts;
  }

  add(topic: T): void {
    this.#topics.add(topic);
  }

  remove(topic: T): void {
    this.#topics.remove(topic);
    this.#overdue.delete(topic);
  }

  /** The stream is compared with one of the next ticks. */
  postpone(topic: T): void {
    this.#overdue.add(topic);
  }

  /** The broker is back: everything may have happened. */
  restored(): void {
    this.#unproven = 0;
    this.#overdue.clear();
    this.#proveAll();
  }

  /** One tick's share of the quiet streams, and of those that could not be proven before. */
  turn(): void {
    const { fanOut, metrics, prove, ticker } = this.#parts;
    if (!fanOut.hasRoom) return;
    this.#proveOverdue();
    const step = Math.max(this.#checkTicks, Math.ceil(this.#topics.end / MAX_CHECKS_PER_TICK));
    for (let slot = ticker.tick % step; slot < this.#topics.end; slot += step) {
      const topic = this.#topics.at(slot);
      if (topic?.stream === undefined || topic.confirming !== undefined) continue;
      if (topic.stream.rested() && topic.reading === undefined) {
        metrics.add("position_checks", 1);
        void prove(topic, topic.stream);
      }
    }
  }

  #proveOverdue(): void {
    const { broker, prove } = this.#parts;
    if (this.#overdue.size === 0 || stateOf(broker, "history") !== "ready") return;
    let left = MAX_CHECKS_PER_TICK;
    for (const topic of this.#overdue) {
      if (left-- === 0) return;
      this.#overdue.delete(topic);
      if (topic.stream?.proving && topic.slot !== -1) void prove(topic, topic.stream);
    }
  }

  #proveAll(): void {
    while (this.#proofs < MAX_PROOFS_AT_ONCE && this.#unproven < this.#topics.end) {
      const topic = this.#topics.at(this.#unproven++);
      if (topic?.stream === undefined || topic.confirming !== undefined) continue;
      this.#proofs++;
      this.#parts.prove(topic, topic.stream).finally(() => {
        this.#proofs--;
        this.#proveAll();
      });
    }
  }
}
