/**
 * The broker in memory: what the embedded broker of an instance is made of, and the double of every test.
 *
 * A `MemoryBus` joins the `MemoryBroker`s attached to it, in one process, and keeps their topics' logs.
 * Delivery is deferred, never inside `publish`, so that a subscriber sees the same turn-taking as over a
 * network.
 */
import { randomBytes } from "node:crypto";
import type { Data, Position } from "@holdfast/protocol";
import {
  type Broker,
  type BrokerEvents,
  type BrokerPublishOptions,
  type BrokerState,
  BrokerUnavailable,
  type LogPage,
  type LogQuery,
} from "./broker.js";
import { type LogOptions, MemoryLogs } from "./log-memory.js";
import type { Topic } from "./topic.js";

/** Publications between two sweeps of what has expired. */
const PUBLICATIONS_PER_SWEEP = 1024;

const LOG_DEFAULTS: LogOptions = Object.freeze({
  now: () => performance.now(),
  newEpoch: () => randomBytes(6).toString("base64url"),
  maxChars: 256 * 1024 * 1024,
  maxOwnChars: 128 * 1024 * 1024,
  maxKeys: 1_000_000,
  maxKeyChars: 128 * 1024 * 1024,
});

/** Where memory brokers meet. */
export class MemoryBus {
  readonly #subscribers = new Map<Topic, Set<MemoryBroker>>();
  readonly #logs: MemoryLogs;
  /** Shared by all workers on this bus, 32 random bytes as text. */
  readonly secret = randomBytes(32).toString("base64url");
  #unswept = 0;

  constructor(options: Partial<LogOptions> = {}) {
    this.#logs = new MemoryLogs({ ...LOG_DEFAULTS, ...options });
  }

  /** Topics that have a subscriber. */
  get topics(): number {
    return this.#subscribers.size;
  }

  /** Characters that the logs and keys take, and how many were forgotten before their time. */
  get kept(): { readonly chars: number; readonly forgotten: number } {
    const { chars, ownChars, keyChars, forgotten } = this.#logs;
    return { chars: chars + ownChars + keyChars, forgotten };
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

  publish(topic: Topic, data: Data, { retention, key }: BrokerPublishOptions): Position | undefined {
    if (++this.#unswept >= PUBLICATIONS_PER_SWEEP) {
      this.#unswept = 0;
      this.#logs.sweep();
    }
    const used = key === undefined ? undefined : this.#logs.used(topic, key);
    if (used !== undefined) return used.position;
    const position = retention === undefined ? undefined : this.#logs.append(topic, data, retention);
    if (key !== undefined) this.#logs.remember(topic, key, position);
    const brokers = this.#subscribers.get(topic);
    if (brokers !== undefined) for (const broker of brokers) broker.deliver(topic, data, position);
    return position;
  }

  read(topic: Topic, query: LogQuery): LogPage {
    return this.#logs.read(topic, query);
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

  async publish(topic: Topic, data: Data, options: BrokerPublishOptions = {}): Promise<Position | undefined> {
    this.#assertReady();
    return this.#bus.publish(topic, data, options);
  }

  async read(topic: Topic, query: LogQuery): Promise<LogPage> {
    this.#assertReady();
    return this.#bus.read(topic, query);
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
  deliver(topic: Topic, data: Data, position: Position | undefined): void {
    queueMicrotask(() => {
      if (this.#topics.has(topic)) this.#events?.publication(topic, data, position);
    });
  }

  #assertReady(): void {
    if (this.#state !== "ready") throw new BrokerUnavailable(`the memory broker is ${this.#state}`);
  }
}
