/**
 * A placed broker: one broker of up to three, each on a Redis of its own.
 *
 * Owns which of them has a topic; leaves all else to them. A channel with a history is on one server with its
 * log, because a publication is kept and told in one script; presence likewise with its changes. Invariants:
 * a topic's publications come from the one broker that has it; the state of one broker says nothing about
 * what is on another.
 */
import {
  type ApartStates,
  BROKER_PARTS,
  type Broker,
  type BrokerEvents,
  type BrokerPart,
  type BrokerPublishOptions,
  type BrokerState,
  channelOf,
  type LogPage,
  type LogQuery,
  presenceOf,
  type Retention,
  type Topic,
} from "@holdfast/core";
import type { Data, Position } from "@holdfast/protocol";
import type { RedisBroker } from "../broker.js";
import type { InOrder } from "../connection/connection.js";
import type { PublicationPart } from "../log.js";

/** Those with a server of their own. */
export type PartBrokers = Readonly<Record<BrokerPart, RedisBroker | undefined>>;

export class PlacedBroker implements Broker {
  readonly #rest: RedisBroker;
  readonly #parts: PartBrokers;
  readonly #isKept: (channel: string) => boolean;

  /** `isKept`: whether a channel has a history. */
  constructor(rest: RedisBroker, parts: PartBrokers, isKept: (channel: string) => boolean) {
    this.#rest = rest;
    this.#parts = parts;
    this.#isKept = isKept;
  }

  get state(): BrokerState {
    return this.#rest.state;
  }

  get apart(): ApartStates {
    const { history, presence } = this.#parts;
    return { ...(history && { history: history.state }), ...(presence && { presence: presence.state }) };
  }

  get delayMs(): number | undefined {
    const delays = this.#all.map(({ delayMs }) => delayMs).filter((delayMs) => delayMs !== undefined);
    return delays.length === 0 ? undefined : Math.max(...delays);
  }

  get weaknesses(): readonly string[] {
    return this.#all.flatMap(({ weaknesses }) => weaknesses);
  }

  start(events: BrokerEvents): void {
    const toldBy = (part?: BrokerPart): BrokerEvents => ({
      publication: (topic, data, position) => events.publication(topic, data, position),
      skipped: (topic) => events.skipped?.(topic),
      state: (state) => events.state(state, part),
    });
    this.#rest.start(toldBy());
    for (const part of BROKER_PARTS) this.#parts[part]?.start(toldBy(part));
  }

  publish(topic: Topic, data: Data, options: BrokerPublishOptions = {}): Promise<Position | undefined> {
    return this.#publisher(topic, options.retention).publish(topic, data, options);
  }

  /** As `RedisBroker` does. */
  publishInOrder(
    topic: Topic,
    publications: readonly PublicationPart[],
    retention: Retention | undefined,
  ): Promise<InOrder<Position | undefined>> {
    return this.#publisher(topic, retention).publishInOrder(topic, publications, retention);
  }

  read(topic: Topic, query: LogQuery): Promise<LogPage> {
    return (this.#parts.history ?? this.#rest).read(topic, query);
  }

  subscribe(topic: Topic): Promise<void> {
    return this.#listener(topic).subscribe(topic);
  }

  unsubscribe(topic: Topic): Promise<void> {
    return this.#listener(topic).unsubscribe(topic);
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((broker) => broker.close()));
  }

  get #all(): readonly RedisBroker[] {
    const { history, presence } = this.#parts;
    return [this.#rest, history, presence].filter((broker) => broker !== undefined);
  }

  /** By whether it is kept and not by the channel's name: a reload may have changed that. */
  #publisher(topic: Topic, retention: Retention | undefined): RedisBroker {
    if (retention !== undefined) return this.#parts.history ?? this.#rest;
    return presenceOf(topic) === undefined ? this.#rest : (this.#parts.presence ?? this.#rest);
  }

  #listener(topic: Topic): RedisBroker {
    const { history, presence } = this.#parts;
    if (presence !== undefined && presenceOf(topic) !== undefined) return presence;
    const channel = history && channelOf(topic);
    return history !== undefined && channel !== undefined && this.#isKept(channel) ? history : this.#rest;
  }
}
