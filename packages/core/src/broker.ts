/**
 * The broker seam: publications between workers, instances and backends.
 *
 * An implementer owes:
 * - one order per topic: two subscribers of a topic see its publications in the same order, the publisher's own
 *   worker included (core never delivers locally by a shortcut, so there is one ordering path);
 * - `subscribe` resolves when every publication accepted from then on will be delivered; `subscribe` and `unsubscribe`
 *   are idempotent, and calls for one topic that overlap take effect in the order in which they were made;
 * - a topic whose `unsubscribe` was called is forgotten, even when that call rejects: no outage brings it back;
 * - after an outage it restores all subscriptions by itself and then says `state("ready")`;
 * - nothing waits for ever: a call that cannot be carried out rejects with `BrokerUnavailable`, at once while the
 *   broker is known to be away, otherwise within its deadline.
 * It must not deliver a topic that was not subscribed, and must not throw from `events`.
 *
 * The contract suite is `brokerContract` in `@holdfast/core/testing`.
 */
import type { Topic } from "./topic.js";

export type BrokerState = "connecting" | "ready" | "closed";

/** What core does when the broker speaks. */
export interface BrokerEvents {
  /** A publication on a subscribed topic. `data` is the payload as it was published: any text. */
  publication(topic: Topic, data: string): void;
  /** The link to the broker came or went. */
  state(state: BrokerState): void;
}

export interface Broker {
  readonly state: BrokerState;
  /** Begins to connect and returns: a broker that is away is a state, not a failure to start. Called once. */
  start(events: BrokerEvents): void;
  /** Publishes JSON text to every subscriber of the topic, on all workers and instances. */
  publish(topic: Topic, data: string): Promise<void>;
  subscribe(topic: Topic): Promise<void>;
  unsubscribe(topic: Topic): Promise<void>;
  /** Ends the link; pending calls reject. Idempotent. */
  close(): Promise<void>;
}

/** The broker cannot be reached now. Temporary by nature: the client is told `unavailable`. */
export class BrokerUnavailable extends Error {
  override readonly name = "BrokerUnavailable";
  readonly code = "ERR_BROKER_UNAVAILABLE";
}
