/**
 * The hub: which connections of this worker listen to which topic, and the worker's own subscriptions at the broker.
 *
 * One broker subscription per topic, held while anyone here listens. Invariants: a topic is in the map exactly while
 * somebody listens to it or waits for the broker to confirm it, and the broker has not refused; nothing is delivered
 * before the broker's confirmation, so that no publication overtakes the answer to whoever subscribes.
 */
import { encodeMessage, encodePublication, normalizeData } from "@holdfast/protocol";
import type { Broker } from "./broker.js";
import { Audience, type FanOut, type Listener } from "./fan-out.js";
import type { Logger } from "./logger.js";
import type { Metrics } from "./metrics.js";
import { channelOf, type Topic } from "./topic.js";

/** A topic with listeners on this worker. While it is being confirmed, all of them wait. */
class TopicEntry extends Audience {
  readonly topic: Topic;
  /** The broker's answer while it is awaited. */
  confirming: Promise<void> | undefined;

  constructor(topic: Topic) {
    super();
    this.topic = topic;
  }
}

export class Hub {
  readonly #topics = new Map<Topic, TopicEntry>();
  readonly #broker: Broker;
  readonly #fanOut: FanOut;
  readonly #metrics: Metrics;
  readonly #logger: Logger;

  constructor(broker: Broker, fanOut: FanOut, metrics: Metrics, logger: Logger) {
    this.#broker = broker;
    this.#fanOut = fanOut;
    this.#metrics = metrics;
    this.#logger = logger;
  }

  /** Topics that someone here listens to. */
  get topics(): number {
    return this.#topics.size;
  }

  /** Listeners over all topics. */
  get subscriptions(): number {
    let subscriptions = 0;
    for (const { listeners } of this.#topics.values()) subscriptions += listeners.size;
    return subscriptions;
  }

  /** The same topic as the string that is kept already, if it is: a million listeners need not keep it a million times. */
  known(topic: Topic): Topic {
    return this.#topics.get(topic)?.topic ?? topic;
  }

  /** Adds a listener. Undefined when it listens at once, otherwise resolves when it does; rejects as the broker does. */
  join(topic: Topic, listener: Listener): Promise<void> | undefined {
    let entry = this.#topics.get(topic);
    if (entry === undefined) {
      entry = new TopicEntry(topic);
      this.#topics.set(topic, entry);
      this.#confirm(topic, entry);
    }
    entry.listeners.add(listener);
    return entry.confirming;
  }

  /** Removes a listener; the last one ends the worker's subscription. */
  leave(topic: Topic, listener: Listener): void {
    const entry = this.#topics.get(topic);
    if (entry === undefined) return;
    entry.listeners.remove(listener);
    if (entry.listeners.size === 0) this.#forget(topic);
  }

  /** A publication from the broker, for whoever listens here. */
  publication(topic: Topic, text: string): void {
    const entry = this.#topics.get(topic);
    if (entry === undefined || entry.confirming !== undefined) return;
    this.#metrics.add("publications", 1);
    const data = normalizeData(text);
    const channel = channelOf(topic);
    const push = channel === undefined ? encodeMessage(data) : encodePublication(channel, data);
    this.#fanOut.add(entry, push, data);
  }

  #confirm(topic: Topic, entry: TopicEntry): void {
    const confirming = this.#subscribe(topic, entry);
    entry.confirming = confirming;
    // Whoever joined handles the rejection; a listener that has left meanwhile must not leave it unhandled.
    confirming.catch(() => {});
  }

  async #subscribe(topic: Topic, entry: TopicEntry): Promise<void> {
    try {
      await this.#broker.subscribe(topic);
      entry.confirming = undefined;
    } catch (error) {
      // Before those who wait are told: whoever joins from here on must not find a topic that nobody delivers.
      if (this.#topics.get(topic) === entry) this.#forget(topic);
      throw error;
    }
  }

  #forget(topic: Topic): void {
    this.#topics.delete(topic);
    this.#broker.unsubscribe(topic).catch((error: unknown) => {
      // The broker forgets the topic all the same, see broker.ts.
      this.#logger.debug({ topic, err: error }, "could not unsubscribe");
    });
  }
}
