/**
 * The broker in memory: what the embedded broker of an instance is made of, and the double of every test.
 *
 * A `MemoryBus` joins the `MemoryBroker`s attached to it, in one process. Delivery is deferred, never inside
 * `publish`, so that a subscriber sees the same turn-taking as over a network.
 */
import { type Broker, type BrokerEvents, type BrokerState, BrokerUnavailable } from "./broker.js";
import type { Topic } from "./topic.js";

/** Where memory brokers meet. */
export class MemoryBus {
  readonly #subscribers = new Map<Topic, Set<MemoryBroker>>();

  /** Topics that have a subscriber. */
  get topics(): number {
    return this.#subscribers.size;
  }

  attach(topic: Topic, broker: MemoryBroker): void {
    const brokers = this.#subscribers.get(topic);
    if (brokers === undefined) this.#subscribers.set(topic, new Set([broker]));
    else brokers.add(broker);
  }

  detach(topic: Topic, broker: MemoryBroker): void {
    const brokers = this.#subscribers.get(topic);
    if (brokers?.delete(broker) && brokers.size === 0) this.#subscribers.delete(topic);
  }

  publish(topic: Topic, data: string): void {
    const brokers = this.#subscribers.get(topic);
    if (brokers !== undefined) for (const broker of brokers) broker.deliver(topic, data);
  }
}

export class MemoryBroker implements Broker {
  readonly #bus: MemoryBus;
  readonly #topics = new Set<Topic>();
  #events: BrokerEvents | undefined;
  #state: BrokerState = "connecting";

  constructor(bus: MemoryBus = new MemoryBus()) {
    this.#bus = bus;
  }

  get state(): BrokerState {
    return this.#state;
  }

  start(events: BrokerEvents): void {
    this.#events = events;
    this.#state = "ready";
    events.state("ready");
  }

  async publish(topic: Topic, data: string): Promise<void> {
    this.#assertReady();
    this.#bus.publish(topic, data);
  }

  async subscribe(topic: Topic): Promise<void> {
    this.#assertReady();
    this.#topics.add(topic);
    this.#bus.attach(topic, this);
  }

  async unsubscribe(topic: Topic): Promise<void> {
    this.#assertReady();
    this.#topics.delete(topic);
    this.#bus.detach(topic, this);
  }

  async close(): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closed";
    for (const topic of this.#topics) this.#bus.detach(topic, this);
    this.#topics.clear();
    this.#events?.state("closed");
  }

  /** Called by the bus. A topic unsubscribed before the turn comes is not delivered. */
  deliver(topic: Topic, data: string): void {
    queueMicrotask(() => {
      if (this.#topics.has(topic)) this.#events?.publication(topic, data);
    });
  }

  #assertReady(): void {
    if (this.#state !== "ready") throw new BrokerUnavailable(`the memory broker is ${this.#state}`);
  }
}
