/**
 * A broker whose every answer the test gives, in whatever order and as late as it likes.
 */
import type { Data, Position } from "@holdfast/protocol";
import type { Broker, BrokerEvents, BrokerState, LogPage, LogQuery } from "../broker/broker.js";
import type { Topic } from "../broker/topic.js";

export interface BrokerCall {
  readonly op: "publish" | "read" | "subscribe" | "unsubscribe";
  readonly topic: Topic;
  /** The payload of a publish. */
  readonly data: Data | undefined;
  /** The query of a read. */
  readonly query: LogQuery | undefined;
  /** `answer`: the position of a publish, or the page of a read. */
  resolve(answer?: Position | LogPage): void;
  reject(error: Error): void;
}

export class ScriptedBroker implements Broker {
  state: BrokerState = "connecting";
  /** Every call, answered or not. */
  readonly calls: BrokerCall[] = [];
  /** How often it was closed. */
  closes = 0;
  /** Thrown by each call instead of a rejection, which a broker must not do. */
  failure: Error | undefined;
  #events: BrokerEvents | undefined;

  start(events: BrokerEvents): void {
    this.#events = events;
  }

  publish(topic: Topic, data: Data): Promise<Position | undefined> {
    return this.#call("publish", topic, data) as Promise<Position | undefined>;
  }

  read(topic: Topic, query: LogQuery): Promise<LogPage> {
    return this.#call("read", topic, undefined, query) as Promise<LogPage>;
  }

  subscribe(topic: Topic): Promise<void> {
    return this.#call("subscribe", topic) as Promise<unknown> as Promise<void>;
  }

  unsubscribe(topic: Topic): Promise<void> {
    return this.#call("unsubscribe", topic) as Promise<unknown> as Promise<void>;
  }

  async close(): Promise<void> {
    this.closes++;
    this.become("closed");
  }

  /** Changes its state and says so. */
  become(state: BrokerState): void {
    this.state = state;
    this.#events?.state(state);
  }

  /** A publication arrives from the broker. */
  deliver(topic: Topic, data: Data, position?: Position): void {
    this.#events?.publication(topic, data, position);
  }

  /** Publications of a topic were left out. */
  skip(topic: Topic): void {
    this.#events?.skipped?.(topic);
  }

  /** The last call of an operation, for a topic. */
  last(op: BrokerCall["op"], topic: Topic): BrokerCall {
    const call = this.calls.findLast((each) => each.op === op && each.topic === topic);
    if (call === undefined) throw new Error(`there was no ${op} of ${topic}`);
    return call;
  }

  /** All calls in order, as `subscribe channel:news`. */
  get log(): string[] {
    return this.calls.map(({ op, topic }) => `${op} ${topic}`);
  }

  #call(
    op: BrokerCall["op"],
    topic: Topic,
    data?: Data,
    query?: LogQuery,
  ): Promise<Position | LogPage | undefined> {
    if (this.failure !== undefined) throw this.failure;
    return new Promise((resolve, reject) => {
      this.calls.push({ op, topic, data, query, resolve, reject });
    });
  }
}
