/**
 * The hub: which connections of this worker listen to which topic, and the worker's own subscriptions at the broker.
 *
 * One broker subscription per topic, held while anyone here listens. Invariant: a topic is in the map exactly while
 * it has a listener or someone waits for the broker to confirm it.
 */
import { encodeMessage, encodePublication, normalizeData } from "@holdfast/protocol";
import type { Broker } from "./broker.js";
import { Audience, type FanOut, type Listener } from "./fan-out.js";
import type { Logger } from "./logger.js";
import type { Metrics } from "./metrics.js";
import { channelOf, type Topic } from "./topic.js";

/** A topic with listeners on this worker. */
class TopicEntry extends Audience {
  /** The broker's answer while it is awaited. */
  confirming: Promise<void> | undefined;
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

  /** Adds a listener. Undefined when it listens at once, otherwise resolves when it does; rejects as the broker does. */
  join(topic: Topic, listener: Listener): Promise<void> | undefined {
    let entry = this.#topics.get(topic);
    if (entry === undefined) {
      entry = new TopicEntry();
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
    if (entry.listeners.size > 0) return;
    this.#topics.delete(topic);
    this.#broker.unsubscribe(topic).catch((error: unknown) => {
      // The broker forgets its subscriptions with its connection, or will drop what nobody asked for.
      this.#logger.debug({ topic, err: error }, "could not unsubscribe");
    });
  }

  /** A publication from the broker, for whoever listens here. */
  publication(topic: Topic, text: string): void {
    const entry = this.#topics.get(topic);
    if (entry === undefined) return;
    this.#metrics.add("publications", 1);
    const data = normalizeData(text);
    const channel = channelOf(topic);
    const push = channel === undefined ? encodeMessage(data) : encodePublication(channel, data);
    this.#fanOut.add(entry, push, data);
  }

  #confirm(topic: Topic, entry: TopicEntry): void {
    const confirming = this.#broker.subscribe(topic).finally(() => {
      entry.confirming = undefined;
    });
    entry.confirming = confirming;
    // Whoever joined handles the rejection; a listener that has left meanwhile must not leave it unhandled.
    confirming.catch(() => {});
  }
}
