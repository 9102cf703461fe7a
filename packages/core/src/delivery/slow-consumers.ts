/**
 * Slow consumers: what happens to a subscriber whose outbox is full, by the policy of its channel.
 *
 *     keeping up ──outbox full──► disconnect: the connection ends with `slow`, and may resume
 *                                 drop:       behind ──room──► a gap, then on
 *                                 latest:     behind ──room──► gaps and the newest of each key, then on
 *
 * A subscription that is behind is skipped, which costs it one small object and nothing per publication. It
 * catches up at the next publication or at a tick, when its outbox is at most half full: not at the first
 * free byte, or a slow reader would get a gap for every other publication. Invariants: in the set exactly
 * while `subscription.behind` is set; catching up comes before whatever follows.
 */
import { disconnects } from "@holdfast/protocol";
import { channelOf, type Topic } from "../broker/topic.js";
import type { SlowConsumerRule } from "../namespace.js";
import type { Clock } from "../runtime/clock.js";
import { clientFacts, type Incidents } from "../runtime/incidents.js";
import type { Logger } from "../runtime/logger.js";
import type { Metrics } from "../runtime/metrics.js";
import { type Ticker, ticks } from "../runtime/ticker.js";
import type { Batch } from "./batch.js";
import { Conflation } from "./conflation.js";
import type { Outbox, OutboxFill } from "./outbox.js";
import type { Recipient } from "./recipient.js";
import { SkippedRange } from "./skipped-range.js";

/** The topic of a subscription: by it the subscriptions of a channel share a conflation. */
export interface SlowTopic {
  readonly topic: Topic;
  readonly slowConsumer: SlowConsumerRule;
}

/** A subscription that may be skipped. */
export interface SlowSubscription {
  readonly topic: Topic;
  readonly topicState: SlowTopic;
  /** While its connection is too slow for it. Written by `SlowConsumers` alone. */
  behind: SkippedRange | undefined;
  readonly connection: Recipient;
}

/** Tells a subscription what it missed, if there is room again. */
export type CatchUp = (subscription: SlowSubscription) => void;

export interface SlowConsumerParts {
  readonly outbox: Outbox;
  readonly ticker: Ticker;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly incidents: Incidents;
  readonly logger: Logger;
}

/**
 * One slow connection, as an example for the log. `topic`: of what was to be written, if it was a
 * subscription's.
 */
interface Sample extends OutboxFill {
  readonly connection: string;
  readonly user: string | undefined;
  readonly topic: Topic | undefined;
}

/** How full an outbox may be for its subscriptions to catch up. */
export const ROOM_TO_CATCH_UP = 0.5;
/**
 * How full it may get for answers, pings and notices: a skipped connection has to be able to answer a ping.
 */
export const ROOM_FOR_WORDS = 2;

/** Subscriptions looked at in one tick: about a millisecond. With more, each is looked at less often. */
const MAX_LOOKS_PER_TICK = 5000;
/** At most one line for all slow consumers of the worker in this time. */
const LOG_INTERVAL_MS = 1000;

export class SlowConsumers {
  readonly #parts: SlowConsumerParts;
  readonly #maxConflatedChars: number;
  readonly #behind = new Set<SlowSubscription>();
  readonly #conflations = new Map<SlowTopic, Conflation>();
  /** Where the ticks' way through the set stands. */
  #way: IterableIterator<SlowSubscription, undefined> | undefined;
  /** Since the last log line. */
  #disconnected = 0;
  #fellBehind = 0;
  #sample: Sample | undefined;
  #quietUntilTick = 0;

  /** `maxConflatedChars`: characters that the newest publications of one channel may have together. */
  constructor(maxConflatedChars: number, parts: SlowConsumerParts) {
    this.#maxConflatedChars = maxConflatedChars;
    this.#parts = parts;
  }

  /** Subscriptions that are behind. */
  get behind(): number {
    return this.#behind.size;
  }

  /**
   * A publication found no room: ends the connection, or leaves the batch out where the channel's policy says
   * so. A broadcast is for no subscription. Returns the bytes written.
   */
  skipped(connection: Recipient, batch: Batch, subscription: SlowSubscription | undefined): 0 {
    // It may have ended when it tried to catch up.
    if (connection.session === undefined) return 0;
    if (subscription === undefined || subscription.topicState.slowConsumer.policy === "disconnect")
      this.end(connection, subscription);
    else this.#skip(connection, batch, subscription);
    return 0;
  }

  /** The connection ends as slow. `subscription`: for which something was to be written, if for any. */
  end(connection: Recipient, subscription?: SlowSubscription): void {
    this.#disconnected++;
    this.#parts.metrics.add("slow_consumers", 1);
    this.#found(connection, subscription);
    connection.disconnect(disconnects.slow);
  }

  /** It is behind no more. Returns what to tell it first. */
  catchUp(subscription: SlowSubscription): Batch {
    const { behind = new SkippedRange(), topicState } = subscription;
    const kept = this.#conflations.get(topicState)?.between(behind.numbers) ?? [];
    this.forget(subscription);
    return behind.catchUp(channelOf(topicState.topic) ?? "", kept, this.#parts.clock.monotonic());
  }

  /** The subscription ends, or is behind no more. */
  forget(subscription: SlowSubscription): void {
    if (!this.#behind.delete(subscription)) return;
    subscription.behind = undefined;
    const conflation = this.#conflations.get(subscription.topicState);
    if (conflation !== undefined && --conflation.users === 0)
      this.#conflations.delete(subscription.topicState);
  }

  /** One tick: some of those that are behind try to catch up, and the log gets what gathered. */
  turn(catchUp: CatchUp): void {
    this.#log();
    for (let looks = Math.min(this.#behind.size, MAX_LOOKS_PER_TICK); looks > 0; looks--) {
      const subscription = this.#next();
      if (subscription !== undefined) catchUp(subscription);
    }
    if (this.#behind.size === 0) this.#way = undefined;
  }

  /** The next on the way through the set, from its beginning again after its end. */
  #next(): SlowSubscription | undefined {
    const next = this.#way?.next();
    if (next?.done === false) return next.value;
    this.#way = this.#behind.values();
    return this.#way.next().value;
  }

  #skip(connection: Recipient, batch: Batch, subscription: SlowSubscription): void {
    const { topicState } = subscription;
    const behind = subscription.behind ?? this.#fallBehind(connection, subscription);
    const before = behind.skipped;
    behind.skip(batch, this.#conflations.get(topicState)?.take(batch));
    this.#parts.metrics.add("publications_skipped", behind.skipped - before);
  }

  #fallBehind(connection: Recipient, subscription: SlowSubscription): SkippedRange {
    const { topicState } = subscription;
    const behind = new SkippedRange();
    subscription.behind = behind;
    this.#behind.add(subscription);
    if (topicState.slowConsumer.policy === "latest") this.#conflation(topicState).users++;
    this.#fellBehind++;
    this.#parts.incidents.note({
      kind: "behind",
      code: topicState.slowConsumer.policy,
      ...clientFacts(connection),
      channel: channelOf(topicState.topic),
    });
    this.#found(connection, subscription);
    return behind;
  }

  #conflation(topicState: SlowTopic): Conflation {
    const known = this.#conflations.get(topicState);
    if (known !== undefined) return known;
    const conflation = new Conflation(topicState.slowConsumer.key, this.#maxConflatedChars);
    this.#conflations.set(topicState, conflation);
    return conflation;
  }

  #found(connection: Recipient, subscription: SlowSubscription | undefined): void {
    this.#sample ??= {
      connection: connection.id,
      user: connection.session?.user,
      ...this.#parts.outbox.waiting(connection.transport, connection.backlog),
      topic: subscription?.topic,
    };
    this.#log();
  }

  #log(): void {
    const { ticker, logger } = this.#parts;
    if (this.#sample === undefined || ticker.tick < this.#quietUntilTick) return;
    const [disconnected, fellBehind] = [this.#disconnected, this.#fellBehind];
    logger.info({ disconnected, fellBehind, behind: this.behind, ...this.#sample }, "slow consumers");
    this.#quietUntilTick = ticker.tick + ticks(LOG_INTERVAL_MS);
    this.#disconnected = this.#fellBehind = 0;
    this.#sample = undefined;
  }
}
