/**
 * The embedded broker, seen from a worker: the broker seam over the link to the primary.
 *
 * The primary hosts the bus; this side asks and waits. The link is up when the worker starts, and when it goes the
 * worker goes too, so there is nothing to restore.
 * Bounded: `MAX_PENDING` calls may wait, each for `DEADLINE_MS`, by one sweep. Invariant: `#pending` is in order of
 * deadlines, because all calls wait equally long.
 */
import {
  type Broker,
  type BrokerEvents,
  type BrokerState,
  BrokerUnavailable,
  type Clock,
  type LogPage,
  type LogQuery,
  type PublishOptions,
  type Timer,
  type Topic,
} from "@holdfast/core";
import type { Position } from "@holdfast/protocol";
import type { BrokerAnswer, BrokerRequest } from "../messages.js";

const DEADLINE_MS = 5_000;
const SWEEP_INTERVAL_MS = 500;
const MAX_PENDING = 65_536;

type Result = Position | LogPage | string | undefined;

interface Pending {
  readonly deadline: number;
  resolve(result: Result): void;
  reject(problem: BrokerUnavailable): void;
}

export class LinkBroker implements Broker {
  readonly #send: (request: BrokerRequest) => void;
  readonly #clock: Clock;
  readonly #pending = new Map<number, Pending>();
  /** Wanted topics: a publication on its way while we unsubscribe is not delivered. */
  readonly #topics = new Set<Topic>();
  #lastId = 0;
  #state:
    | { readonly t: "connecting" }
    | { readonly t: "ready"; readonly events: BrokerEvents; readonly sweep: Timer }
    | { readonly t: "closed" } = { t: "connecting" };

  constructor(send: (request: BrokerRequest) => void, clock: Clock) {
    this.#send = send;
    this.#clock = clock;
  }

  get state(): BrokerState {
    return this.#state.t;
  }

  start(events: BrokerEvents): void {
    if (this.#state.t !== "connecting") return;
    const sweep = this.#clock.every(SWEEP_INTERVAL_MS, () => this.#expire());
    this.#state = { t: "ready", events, sweep };
    events.state("ready");
  }

  publish(topic: Topic, data: string, options: PublishOptions = {}): Promise<Position | undefined> {
    return this.#ask((id) => ({ type: "broker-publish", id, topic, data, options }));
  }

  read(topic: Topic, query: LogQuery): Promise<LogPage> {
    return this.#ask((id) => ({ type: "broker-read", id, topic, query }));
  }

  secret(): Promise<string> {
    return this.#ask((id) => ({ type: "broker-secret", id }));
  }

  subscribe(topic: Topic): Promise<void> {
    // Before the answer, which publications may overtake. Stays after a failure: a subscription that the primary did
    // make after all is better heard by nobody than a newer one lost.
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
    for (const call of this.#pending.values()) call.reject(new BrokerUnavailable("the broker was closed"));
    this.#pending.clear();
    if (last.t === "ready") {
      last.sweep.cancel();
      last.events.state("closed");
    }
  }

  /** What the primary says. */
  answer(message: BrokerAnswer): void {
    if (this.#state.t !== "ready") return;
    if (message.type === "broker-publication") {
      const topic = message.topic as Topic;
      if (this.#topics.has(topic)) this.#state.events.publication(topic, message.data, message.position);
      return;
    }
    const call = this.#pending.get(message.id);
    if (call === undefined) return; // too late: it was told `unavailable`
    this.#pending.delete(message.id);
    if (message.type === "broker-done") call.resolve(message.result);
    else call.reject(new BrokerUnavailable(message.problem));
  }

  /** The primary answers each kind of request with its kind of result. */
  #ask<R extends Result>(request: (id: number) => BrokerRequest): Promise<R> {
    return new Promise((resolve, reject) => {
      if (this.#state.t !== "ready") {
        reject(new BrokerUnavailable(`the embedded broker is ${this.#state.t}`));
        return;
      }
      if (this.#pending.size >= MAX_PENDING) {
        reject(new BrokerUnavailable(`${MAX_PENDING} calls wait for the embedded broker`));
        return;
      }
      const id = ++this.#lastId;
      const deadline = this.#clock.monotonic() + DEADLINE_MS;
      this.#pending.set(id, { deadline, resolve: (result) => resolve(result as R), reject });
      this.#send(request(id));
    });
  }

  #expire(): void {
    const now = this.#clock.monotonic();
    for (const [id, call] of this.#pending) {
      if (call.deadline > now) return;
      this.#pending.delete(id);
      call.reject(new BrokerUnavailable("the embedded broker did not answer in time"));
    }
  }
}
