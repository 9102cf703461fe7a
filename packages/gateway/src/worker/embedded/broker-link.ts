/**
 * The embedded broker, seen from a worker: the broker seam over the link to the primary.
 *
 * The primary hosts the bus; this side asks and waits. The link is up when the worker starts, and when it
 * goes the worker goes too, so there is nothing to restore.
 * What waits for an answer is bounded in number and time (waiting-calls.ts).
 */
import {
  type Broker,
  type BrokerEvents,
  type BrokerPublishOptions,
  type BrokerState,
  BrokerUnavailable,
  type Clock,
  type LogPage,
  type LogQuery,
  type Topic,
} from "@holdfast/core";
import type { Data, Position } from "@holdfast/protocol";
import { fromLink, type LinkPage, pageFromLink, toLink } from "../../link/link-data.js";
import type { BrokerAnswer, BrokerRequest } from "../../link/messages.js";
import { WaitingCalls } from "./waiting-calls.js";

export class LinkBroker implements Broker {
  readonly #send: (request: BrokerRequest) => boolean;
  readonly #clock: Clock;
  /** Wanted topics: a publication on its way while we unsubscribe is not delivered. */
  readonly #topics = new Set<Topic>();
  #state:
    | { readonly t: "connecting" }
    | { readonly t: "ready"; readonly events: BrokerEvents; readonly waiting: WaitingCalls }
    | { readonly t: "closed" } = { t: "connecting" };

  /** `send` says whether the link took it. */
  constructor(send: (request: BrokerRequest) => boolean, clock: Clock) {
    this.#send = send;
    this.#clock = clock;
  }

  get state(): BrokerState {
    return this.#state.t;
  }

  start(events: BrokerEvents): void {
    if (this.#state.t !== "connecting") return;
    this.#state = { t: "ready", events, waiting: new WaitingCalls(this.#clock) };
    events.state("ready");
  }

  publish(topic: Topic, data: Data, options: BrokerPublishOptions = {}): Promise<Position | undefined> {
    return this.#ask((id) => ({ type: "broker-publish", id, topic, data: toLink(data), options }));
  }

  async read(topic: Topic, query: LogQuery): Promise<LogPage> {
    return pageFromLink(await this.#ask<LinkPage>((id) => ({ type: "broker-read", id, topic, query })));
  }

  /** The secret of the bus, over the same link. */
  sharedSecret(): Promise<string> {
    return this.#ask((id) => ({ type: "broker-secret", id }));
  }

  subscribe(topic: Topic): Promise<void> {
    // Before the answer, which publications may overtake. Stays after a failure: a subscription that the
    // primary did make after all is better heard by no worker than a newer one lost.
    if (this.#state.t === "ready") this.#topics.add(topic);
    return this.#ask<undefined>((id) => ({ type: "broker-subscribe", id, topic }));
  }

  unsubscribe(topic: Topic): Promise<void> {
    this.#topics.delete(topic);
    return this.#ask<undefined>((id) => ({ type: "broker-unsubscribe", id, topic }));
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.#state.t === "closed") return;
    const last = this.#state;
    this.#state = { t: "closed" };
    this.#topics.clear();
    if (last.t !== "ready") return;
    last.waiting.close();
    last.events.state("closed");
  }

  /** What the primary says. */
  answer(message: BrokerAnswer): void {
    if (this.#state.t !== "ready") return;
    if (message.type === "broker-publication") {
      const topic = message.topic as Topic;
      if (this.#topics.has(topic))
        this.#state.events.publication(topic, fromLink(message.data), message.position);
      return;
    }
    if (message.type === "broker-skipped") {
      for (const topic of message.topics)
        if (this.#topics.has(topic as Topic)) this.#state.events.skipped?.(topic as Topic);
      return;
    }
    const { waiting } = this.#state;
    if (message.type === "broker-done") waiting.resolve(message.id, message.result);
    else waiting.reject(message.id, message.problem);
  }

  /** The primary answers each kind of request with its kind of result. */
  async #ask<Result>(request: (id: number) => BrokerRequest): Promise<Result> {
    if (this.#state.t !== "ready") throw new BrokerUnavailable(`the embedded broker is ${this.#state.t}`);
    return await this.#state.waiting.ask<Result>((id) => this.#send(request(id)));
  }
}
