/**
 * Fences: marks in the order of the broker, by which topics move from one home to the next.
 *
 * A fence is published to all workers of the instance, and each home passes it on, in order with its
 * payloads, to the worker that it names. What is before it on the old home's way and behind it on the next
 * home's is each payload once. One fence serves the topics of a turn that have one order. Invariant: a
 * fence that was not published, or does not come, leaves its topics where they are.
 */
import type { Clock, OwnSubscriptions, Timer } from "@holdfast/core";
import type { SiblingHome } from "./placement.js";
import type { SharedTopic } from "./shared-topic.js";

/** How long a fence may take, ms. */
const FENCE_TIMEOUT_MS = 5_000;

export interface FenceEvents {
  /** The topic has moved. */
  moved(shared: SharedTopic): void;
  /** The topics stay where they are. */
  failed(): void;
}

interface FenceUnderWay {
  readonly topics: Set<SharedTopic>;
  readonly timer: Timer;
}

export class Fences {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #events: FenceEvents;
  readonly #underWay = new Map<string, FenceUnderWay>();
  /** Topics that wait for the end of the turn. */
  readonly #waiting = new Set<SharedTopic>();
  #own: OwnSubscriptions | undefined;
  #marks = 0;

  /** `name`: of this life of this worker, without a dot. */
  constructor(name: string, clock: Clock, events: FenceEvents) {
    this.#name = name;
    this.#clock = clock;
    this.#events = events;
  }

  attach(own: OwnSubscriptions): void {
    this.#own = own;
  }

  detach(): void {
    this.#own = undefined;
    this.#waiting.clear();
    for (const { timer } of this.#underWay.values()) timer.cancel();
    this.#underWay.clear();
  }

  /** The topic's next home has confirmed it, or the one after a loss. */
  add(shared: SharedTopic): void {
    if (this.#waiting.size === 0) this.#clock.defer(() => this.#publishAll());
    this.#waiting.add(shared);
  }

  /** A fence of this worker has come from a home. */
  arrived(home: SiblingHome, mark: string): void {
    const under = this.#underWay.get(mark);
    if (under === undefined) return;
    for (const shared of under.topics) {
      if (!shared.fenced(home, mark)) continue;
      under.topics.delete(shared);
      this.#events.moved(shared);
    }
    if (under.topics.size === 0) this.#end(mark, under);
  }

  #publishAll(): void {
    const own = this.#own;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    if (own === undefined) return;
    const orders = new Map<string, SharedTopic[]>();
    for (const shared of waiting) {
      // Its move may be over.
      if (!shared.wantsFence) continue;
      const order = own.orderOf(shared.topic);
      const topics = orders.get(order);
      if (topics === undefined) orders.set(order, [shared]);
      else topics.push(shared);
    }
    for (const topics of orders.values()) this.#publish(own, topics);
  }

  #publish(own: OwnSubscriptions, topics: readonly SharedTopic[]): void {
    const [first] = topics;
    if (first === undefined) return;
    const mark = `${this.#name}.${this.#marks++}`;
    const timer = this.#clock.after(FENCE_TIMEOUT_MS, () => this.#failed(mark));
    this.#underWay.set(mark, { topics: new Set(topics), timer });
    for (const shared of topics) shared.mark = mark;
    own.fence(mark, first.topic).catch(() => this.#failed(mark));
  }

  /** It was not published, or does not come: the topics stay where they are, and are looked at again. */
  #failed(mark: string): void {
    const under = this.#underWay.get(mark);
    if (under === undefined) return;
    this.#end(mark, under);
    for (const shared of under.topics) if (shared.mark === mark) shared.abandonMove();
    this.#events.failed();
  }

  #end(mark: string, under: FenceUnderWay): void {
    under.timer.cancel();
    this.#underWay.delete(mark);
  }
}
