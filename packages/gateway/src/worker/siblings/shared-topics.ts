/**
 * The topics that this worker wishes, each at its home in the instance.
 *
 * Owns which home a topic is sought at and when it moves; how a move keeps order is `shared-topic.ts`. A
 * topic is sought at the home that the hash names; where that refuses, at this worker itself, whose refusal
 * is final. When the members change, topics whose home is another now are moved, a little later and some at
 * a time. Invariant: a wished topic has a placement, or is stranded and sought for again.
 */
import {
  BrokerUnavailable,
  type Clock,
  CONTROL,
  type Metrics,
  type OwnSubscriptions,
  type SharedLink,
  type SharingEvents,
  type Timer,
  type Topic,
} from "@holdfast/core";
import { Fences } from "./fences.js";
import type { PlacementEvents, SiblingHome, TopicPlacement } from "./placement.js";
import { homeOf } from "./rendezvous.js";
import { SharedTopic } from "./shared-topic.js";

/** From a change of members until topics move, ms: workers come and go together. */
const SETTLE_MS = 100;
/** Until topics without a home are sought for again, ms. */
const STRANDED_MS = 1_000;
/** A link restores its wishes within this time, ms: topics that it does not wish are new again afterwards. */
const RESTORED_MS = 60_000;
/** Topics that are looked at in one turn of the event loop. */
const TOPICS_PER_TURN = 2_000;

export interface SharedTopicsParts {
  /** This worker. */
  readonly self: SiblingHome;
  /** Names this life of this worker in the group. */
  readonly name: string;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

export class SharedTopics implements SharedLink, PlacementEvents {
  readonly #parts: SharedTopicsParts;
  readonly #events: SharingEvents;
  readonly #topics = new Map<Topic, SharedTopic>();
  readonly #fences: Fences;
  /** Homes that may be chosen. */
  #homes: readonly SiblingHome[] = [];
  /** Topics that were wished when the last link went: on the next one another home may be behind. */
  readonly #heardBefore = new Set<Topic>();
  /** While the link is there: the timer by which its wishes are restored. */
  #attached: Timer | undefined;
  #moves: Timer | undefined;

  constructor(parts: SharedTopicsParts, events: SharingEvents) {
    this.#parts = parts;
    this.#events = events;
    this.#fences = new Fences(parts.name, parts.clock, {
      moved: (shared) => this.#moved(shared),
      failed: () => this.#look(STRANDED_MS),
    });
  }

  attach(own: OwnSubscriptions): void {
    this.#fences.attach(own);
    this.#attached = this.#parts.clock.after(RESTORED_MS, () => this.#heardBefore.clear());
  }

  /** This worker's own link is gone: all is over, and wished anew on the next one. */
  detach(): void {
    this.#attached?.cancel();
    this.#attached = undefined;
    this.#moves?.cancel();
    this.#moves = undefined;
    this.#fences.detach();
    const topics = [...this.#topics.values()];
    this.#topics.clear();
    const error = new BrokerUnavailable("the link to the broker went away");
    for (const shared of topics) {
      this.#heardBefore.add(shared.topic);
      shared.close(error);
    }
  }

  /** These homes may be chosen from now on; none: this worker alone. */
  choose(homes: readonly SiblingHome[]): void {
    this.#homes = homes;
    this.#look(SETTLE_MS);
  }

  async subscribe(topics: readonly Topic[]): Promise<void> {
    await Promise.all(topics.map((topic) => this.#subscribe(topic)));
  }

  async unsubscribe(topics: readonly Topic[]): Promise<void> {
    for (const topic of topics) {
      this.#heardBefore.delete(topic);
      const shared = this.#topics.get(topic);
      if (shared === undefined) continue;
      this.#topics.delete(topic);
      shared.close();
    }
  }

  confirmed(placement: TopicPlacement): void {
    const shared = this.#topics.get(placement.topic);
    if (shared === undefined) return;
    if (placement === shared.current) {
      if (placement.isBarred) return this.#fences.add(shared);
      shared.confirmed();
      // The members may have changed meanwhile.
      if (this.#homeOf(shared) !== placement.home) this.#look(SETTLE_MS);
    } else if (placement === shared.next) this.#fences.add(shared);
  }

  refused(placement: TopicPlacement): void {
    const shared = this.#topics.get(placement.topic);
    if (shared === undefined) return;
    if (placement === shared.next) {
      shared.abandonMove();
      return this.#look(SETTLE_MS);
    }
    if (placement !== shared.current) return;
    shared.current = undefined;
    const { self } = this.#parts;
    if (placement.home !== self) return shared.seek(self, this, placement.isBarred);
    if (shared.waiters.length === 0) return this.#look(STRANDED_MS);
    this.#topics.delete(shared.topic);
    shared.close(new BrokerUnavailable("the broker could not subscribe"));
  }

  payload(placement: TopicPlacement, payload: Buffer): void {
    this.#topics.get(placement.topic)?.payload(placement, payload);
  }

  skipped(placement: TopicPlacement): void {
    this.#topics.get(placement.topic)?.skipped(placement);
  }

  /** A home is gone, with the placements there. */
  lost(placements: Iterable<TopicPlacement>): void {
    let topics = 0;
    for (const placement of placements) {
      const shared = this.#topics.get(placement.topic);
      if (shared === undefined) continue;
      if (placement === shared.next) {
        shared.abandonMove();
        this.#look(SETTLE_MS);
      }
      if (placement !== shared.current) continue;
      topics++;
      if (shared.lost(placement)) shared.seek(this.#homeOf(shared), this, true);
    }
    this.#parts.metrics.add("siblings_lost", topics);
  }

  /** A fence of this worker has come from a home. */
  fence(home: SiblingHome, mark: string): void {
    this.#fences.arrived(home, mark);
  }

  #subscribe(topic: Topic): Promise<void> {
    const known = this.#topics.get(topic);
    if (known?.isConfirmed) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const shared = known ?? new SharedTopic(topic, this.#events);
      shared.waiters.push({ resolve, reject });
      if (known !== undefined) return;
      this.#topics.set(topic, shared);
      shared.seek(this.#homeOf(shared), this, this.#heardBefore.delete(topic));
    });
  }

  #homeOf({ topic, hash }: SharedTopic): SiblingHome {
    const { self } = this.#parts;
    // Orders are rare, and must reach every worker whatever becomes of another.
    return topic === CONTROL ? self : (homeOf(hash, this.#homes) ?? self);
  }

  /** Looks at all topics, after a while. */
  #look(afterMs: number): void {
    if (this.#moves !== undefined || this.#attached === undefined) return;
    this.#moves = this.#parts.clock.after(afterMs, () => {
      this.#moves = undefined;
      this.#lookAt([...this.#topics.values()], 0);
    });
  }

  #lookAt(topics: readonly SharedTopic[], from: number): void {
    if (this.#attached === undefined) return;
    for (const shared of topics.slice(from, from + TOPICS_PER_TURN)) {
      if (this.#topics.get(shared.topic) !== shared) continue;
      const home = this.#homeOf(shared);
      if (shared.current === undefined) shared.seek(home, this, true);
      else if (shared.wantsFence && shared.mark === undefined) this.#fences.add(shared);
      else if (shared.isSettled && shared.current.home !== home) shared.move(home, this);
    }
    const next = from + TOPICS_PER_TURN;
    if (next < topics.length) this.#parts.clock.defer(() => this.#lookAt(topics, next));
  }

  #moved(shared: SharedTopic): void {
    this.#parts.metrics.add("siblings_moved", 1);
    const { current } = shared;
    if (current !== undefined && this.#homeOf(shared) !== current.home) this.#look(SETTLE_MS);
  }
}
