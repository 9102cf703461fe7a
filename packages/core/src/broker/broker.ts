/**
 * The broker seam: publications between workers, instances and backends.
 *
 * An implementer owes:
 * - one order per topic: two subscribers of a topic see its publications in the same order, the publisher's
 *   own worker included (core never delivers locally by a shortcut, so there is one ordering path);
 * - `subscribe` resolves when every publication accepted from then on will be delivered; `subscribe` and
 *   `unsubscribe` are idempotent, and calls for one topic that overlap take effect in the order in which they
 *   were made;
 * - a topic whose `unsubscribe` was called is forgotten, even when that call rejects: no outage brings it
 *   back;
 * - after an outage it restores all subscriptions by itself and then says `state("ready")`;
 * - what was published as text arrives as text, and bytes as bytes, live and from the log, also where bytes
 *   would be good text. Bytes of a program that publishes past this seam are text where they are UTF-8;
 * - nothing waits for ever: a call that cannot be carried out rejects with `BrokerUnavailable`, at once while
 *   the broker is known to be away, otherwise within its deadline.
 * It must not deliver a topic that was not subscribed, and must not throw from `events`.
 *
 * **The log.** A publication with `retention` is kept in its topic's log. It owes besides:
 * - offsets are gapless from 1; assigning one, keeping the publication and delivering it are one atomic step;
 * - an epoch names one life of the log. A log that was lost, or may have lost its end (a failover), gets a
 *   new epoch; the `lineage` of a page says up to which offset earlier epochs are the same log, so that what
 *   did not diverge stays provable. For example: offsets 1 to 5 were given out under `a`, a failover lost 4
 *   and 5, and a new 4 was published under `b`. The lineage is `{epoch: "a", offset: 3}`: a
 *   client at 3 of `a` goes on, one at 5 must be told;
 * - a repeated `key` within `KEY_WINDOW_MS` publishes nothing and answers with the position of the first;
 * - a page is bounded in bytes where the log is kept, whatever was published: a long read is many pages;
 * - facts, no verdicts: whether a position can be recovered is core's to say (`locate.ts`).
 *
 * The contract suites are `brokerContract` and `brokerLogContract` in `@holdfast/core/testing`.
 */
import type { Data, Position } from "@holdfast/protocol";
import type { Topic } from "./topic.js";

/** How much of a topic's past is kept. */
export interface Retention {
  /** Publications; above 0. */
  readonly size: number;
  /** For how long, ms. */
  readonly ttlMs: number;
}

export interface BrokerPublishOptions {
  /** Given: kept in the topic's log, which has at most so much afterwards. */
  readonly retention?: Retention | undefined;
  /** Names this publication among the topic's, 1 to 128 characters. */
  readonly key?: string | undefined;
}

/**
 * For how long a repeated key is known, ms. Longer than any retry of ours: a dead worker's are taken over
 * within 15 s.
 */
export const KEY_WINDOW_MS = 120_000;

/** Bytes of data in one page of a log, where a query names no other bound. */
export const PAGE_BYTES = 512 * 1024;

/** A publication in a topic's log. */
export interface Entry {
  readonly offset: number;
  /** As it was published: any text, or bytes. */
  readonly data: Data;
}

/** Bytes of their data, of text as UTF-8. */
export function bytesOf(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const { data } of entries) bytes += Buffer.byteLength(data);
  return bytes;
}

export interface LogQuery {
  /** The offset to begin with; beyond either end it means that end. */
  readonly from: number;
  /** At most so many entries; 0 asks for the position alone. */
  readonly limit: number;
  /** Downwards instead of upwards. */
  readonly reverse?: boolean | undefined;
  /**
   * Bytes of data after which the page ends, as UTF-8. The first entry comes whatever its size. Default
   * `PAGE_BYTES`. The bound holds where the log is kept: what lies beyond it is neither copied nor sent.
   */
  readonly maxBytes?: number | undefined;
  /** What the log keeps: older entries are left out, even if they are still there. */
  readonly retention: Retention;
}

/** Facts about a topic's log, all of one moment. */
export interface LogPage {
  /** In the order of the query, without gaps. May be fewer than `limit`: the page has reached `maxBytes`. */
  readonly entries: readonly Entry[];
  /** The last offset given out, and the epoch. */
  readonly top: Position;
  /** The lowest offset that is kept; `top.offset + 1` when none is. */
  readonly oldest: number;
  /**
   * Earlier epochs, each with the last offset that it shares with this log. A few; older ones are forgotten.
   */
  readonly lineage: readonly Position[];
}

export type BrokerState = "connecting" | "ready" | "closed";

/**
 * What of a broker may have a server of its own, and be away by itself: the channels with a history, with
 * their publications; and presence, with its changes. All else is the rest.
 */
export type BrokerPart = "history" | "presence";

export const BROKER_PARTS: readonly BrokerPart[] = Object.freeze(["history", "presence"]);

/** The state of each part that has a server of its own. */
export type ApartStates = Readonly<Partial<Record<BrokerPart, BrokerState>>>;

/** What core does when the broker speaks. */
export interface BrokerEvents {
  /**
   * A publication on a subscribed topic. `data` is as it was published: any text, or bytes;
   * `position` its place in the topic's log, if it is kept.
   */
  publication(topic: Topic, data: Data, position?: Position): void;
  /**
   * Publications of a subscribed topic were left out, because this worker takes them too slowly. Later ones
   * follow. What the topic's log keeps can still be read.
   */
  skipped?(topic: Topic): void;
  /** The link to the broker came or went; `part`: that of a part with a server of its own, and no other. */
  state(state: BrokerState, part?: BrokerPart): void;
}

export interface Broker {
  /** Of all but what is apart. */
  readonly state: BrokerState;
  /** Left out: no part has a server of its own. */
  readonly apart?: ApartStates | undefined;
  /** Promises that its servers do not let it keep, one sentence each. Left out: none. */
  readonly weaknesses?: readonly string[] | undefined;
  /**
   * How long the last sign of life took to come, or how long one has been awaited, whichever is more, ms.
   * Undefined or left out where none is asked for, or none has come yet.
   */
  readonly delayMs?: number | undefined;
  /** Begins to connect and returns: a broker that is away is a state, not a failure to start. Called once. */
  start(events: BrokerEvents): void;
  /**
   * Publishes text or bytes to every subscriber of the topic, on all workers and instances. Resolves with its
   * place in the log.
   */
  publish(topic: Topic, data: Data, options?: BrokerPublishOptions): Promise<Position | undefined>;
  /**
   * Reads a topic's log, which need not be subscribed. A log that nothing was published to begins with this.
   */
  read(topic: Topic, query: LogQuery): Promise<LogPage>;
  subscribe(topic: Topic): Promise<void>;
  unsubscribe(topic: Topic): Promise<void>;
  /** Ends the link; pending calls reject. Idempotent. */
  close(): Promise<void>;
}

/** The state of the server that has this part. */
export function stateOf(broker: Pick<Broker, "state" | "apart">, part: BrokerPart): BrokerState {
  return broker.apart?.[part] ?? broker.state;
}

/** The parts whose own servers cannot be reached. */
export function partsAway(apart: ApartStates = {}): readonly BrokerPart[] {
  return BROKER_PARTS.filter((part) => (apart[part] ?? "ready") !== "ready");
}

/** The broker cannot be reached now. Temporary by nature: the client is told `unavailable`. */
export class BrokerUnavailable extends Error {
  override readonly name = "BrokerUnavailable";
  readonly code = "ERR_BROKER_UNAVAILABLE";
}
