/**
 * The broker on Redis: pub/sub, and a log for what is to be kept (log.ts), over one connection.
 *
 * It starts and ends its connection, and restores its subscriptions on each new link
 * (connection/connection.ts). Where subscriptions are shared with other processes, its wishes go to the
 * sharing, and its connection subscribes to what the sharing asks for (sharing/own-topics.ts). Invariant:
 * nothing is delivered that is not wished now, is too large, or is none of our publications though it is
 * marked as one.
 */
import {
  type Broker,
  type BrokerEvents,
  type BrokerPublishOptions,
  type BrokerState,
  CONTROL,
  type LogPage,
  type LogQuery,
  presenceOf,
  type Retention,
  type SharedLink,
  type SubscriptionSharing,
  type Topic,
} from "@holdfast/core";
import { type Data, type Position, TRACE_CONTEXT_LENGTH, traceparentOf } from "@holdfast/protocol";
import type { InOrder, RedisConnection, SubscribableLink } from "./connection/connection.js";
import { envelop, open } from "./envelope.js";
import { type PublicationPart, pageOf, positionOf, publishCall, publishOnceCall, readCall } from "./log.js";
import { OwnTopics } from "./sharing/own-topics.js";
import { dataOf, sizeOf } from "./stored-data.js";
import { RedisSubscriptions, type SubscriptionsOptions } from "./subscriptions.js";

/** Bytes of one piece of news of presence: far above what our scripts make. */
const MAX_PRESENCE_BYTES = 1024 * 1024;

export class RedisBroker implements Broker {
  readonly #connection: RedisConnection;
  readonly #subscriptions: RedisSubscriptions;
  readonly #sharing: SubscriptionSharing | undefined;
  readonly #counted: readonly string[];
  #events: BrokerEvents | undefined;

  /**
   * The connection is not started, and no other broker has it. `sharing`: undefined, all is its own.
   * `isPart`: another broker has the topic `control`, and this one listens to its channel only to be counted
   * among those that can hear sharded channels (sharded/sharding.ts).
   */
  constructor(connection: RedisConnection, sharing?: SubscriptionSharing, isPart = false) {
    this.#connection = connection;
    this.#sharing = sharing;
    this.#counted = isPart ? [connection.keys.channel(CONTROL)] : [];
    this.#subscriptions = new RedisSubscriptions(subscriptionsOptions(connection));
  }

  get state(): BrokerState {
    return this.#connection.state;
  }

  get delayMs(): number | undefined {
    return this.#connection.delayMs;
  }

  get weaknesses(): readonly string[] {
    return this.#connection.serverIds.weaknesses;
  }

  start(events: BrokerEvents): void {
    this.#events = events;
    this.#sharing?.start({
      payload: (topic, payload) => this.#deliver(topic, payload),
      skipped: (topic) => {
        if (this.#subscriptions.has(topic)) events.skipped?.(topic);
      },
    });
    this.#connection.start({
      restore: (link) => this.#restore(link),
      detach: () => {
        this.#subscriptions.detach();
        this.#sharing?.detach();
      },
      message: (channel, payload) => this.#arrived(channel, payload),
      skipped: (channel) => this.#skipped(channel),
      state: (state) => events.state(state),
    });
  }

  async publish(topic: Topic, data: Data, options: BrokerPublishOptions = {}): Promise<Position | undefined> {
    const { retention, key } = options;
    const connection = this.#connection;
    if (retention !== undefined || key !== undefined) {
      const { done, failure } = await this.publishInOrder(topic, [{ data, key }], retention);
      if (failure !== undefined) throw failure;
      return done[0];
    }
    await connection.publish(connection.destination(topic), envelop(data), connection.keys.log(topic));
    return undefined;
  }

  /**
   * Publishes in one step, each at most once for its key, in their order. At most `MAX_RUN` of them, and
   * `MAX_RUN_BYTES` in all, one beyond (connection/run.ts). Never rejects.
   */
  publishInOrder(
    topic: Topic,
    publications: readonly PublicationPart[],
    retention: Retention | undefined,
  ): Promise<InOrder<Position | undefined>> {
    const connection = this.#connection;
    const call =
      retention === undefined
        ? publishOnceCall(connection, topic, publications)
        : publishCall(connection, topic, publications, retention);
    return connection.askInOrder(call, positionOf);
  }

  async read(topic: Topic, query: LogQuery): Promise<LogPage> {
    return this.#connection.ask(readCall(this.#connection.keys, topic, query), pageOf);
  }

  async subscribe(topic: Topic): Promise<void> {
    this.#connection.ready();
    await this.#subscriptions.subscribe(topic);
  }

  /** While Redis is away this only withdraws the wish: there is nothing else to carry out. */
  async unsubscribe(topic: Topic): Promise<void> {
    if (this.#events === undefined || this.state === "closed") this.#connection.ready();
    await this.#subscriptions.unsubscribe(topic);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #restore(link: SubscribableLink): Promise<object> {
    if (this.#counted.length > 0) await link.subscribe(this.#counted);
    await this.#subscriptions.attach(
      this.#sharing === undefined ? linkOf(this.#connection, link) : await this.#share(this.#sharing, link),
    );
    return { topics: this.#subscriptions.size };
  }

  #skipped(channel: string): void {
    const topic = this.#connection.keys.topic(channel);
    if (topic !== undefined && this.#subscriptions.has(topic)) this.#events?.skipped?.(topic);
  }

  /** Fences come on the link before the sharing has it. */
  async #share(sharing: SubscriptionSharing, link: SubscribableLink): Promise<SharedLink> {
    const { keys } = this.#connection;
    await link.subscribe([keys.fences(sharing.group)]);
    const own = new OwnTopics(this.#connection, link, sharing.group, subscriptionsOptions(this.#connection));
    await own.attach(linkOf(this.#connection, link));
    return sharing.attach(own);
  }

  #arrived(channel: string, payload: Buffer): void {
    const { keys } = this.#connection;
    const topic = keys.topic(channel);
    const sharing = this.#sharing;
    if (topic === undefined) {
      if (sharing !== undefined && channel === keys.fences(sharing.group)) sharing.fence(payload.toString());
    } else if (sharing === undefined) this.#deliver(topic, payload);
    else sharing.payload(topic, payload);
  }

  #deliver(topic: Topic, payload: Buffer): void {
    const { keys, options, rejections } = this.#connection;
    // Not wished: an unsubscribe is on its way.
    if (!this.#subscriptions.has(topic)) return;
    const opened = open(payload);
    if (opened === undefined) {
      const channel = keys.channel(topic);
      rejections.add(channel, payload, "begins with the mark of our own publications, which it is not");
      return;
    }
    const { start, position } = opened;
    // Joins and leaves are published whatever the limit for publications is.
    const maxBytes = presenceOf(topic) === undefined ? options.maxPublicationBytes : MAX_PRESENCE_BYTES;
    const stored = payload.subarray(start);
    const bytes = sizeOf(stored);
    if (bytes > maxBytes && bytes > maxBytes + traceBytes(stored)) {
      rejections.add(keys.channel(topic), payload, `is larger than ${maxBytes} bytes`);
      return;
    }
    this.#events?.publication(topic, dataOf(stored), position);
  }
}

/** Topics as channels of the link. */
function linkOf({ keys }: RedisConnection, link: SubscribableLink): SharedLink {
  return {
    subscribe: (topics) => link.subscribe(topics.map((topic) => keys.channel(topic))),
    unsubscribe: (topics) => link.unsubscribe(topics.map((topic) => keys.channel(topic))),
  };
}

function subscriptionsOptions({ options, seams, reasonOf }: RedisConnection): SubscriptionsOptions {
  return {
    maxTopicsPerCommand: options.maxTopicsPerCommand,
    defer: (run) => seams.clock.defer(run),
    reasonOf,
  };
}

/** Bytes that the trace context before the data takes, which is not counted as data. */
function traceBytes(stored: Buffer): number {
  const head = stored.toString("latin1", 0, TRACE_CONTEXT_LENGTH);
  return traceparentOf(head) === undefined ? 0 : TRACE_CONTEXT_LENGTH;
}
