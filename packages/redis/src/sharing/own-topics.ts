/**
 * What a process subscribes to over its own link, for itself and for the siblings that it shares with.
 *
 * One life: that of its link. Invariant: a fence goes to the server that orders its topic, as the topic's
 * publications do.
 */
import type { OwnSubscriptions, Topic } from "@holdfast/core";
import type { RedisConnection, SubscribableLink } from "../connection/connection.js";
import { slotOf } from "../connection/slot.js";
import { RedisSubscriptions, type SubscriptionLink, type SubscriptionsOptions } from "../subscriptions.js";

export class OwnTopics implements OwnSubscriptions {
  readonly #connection: RedisConnection;
  readonly #link: SubscribableLink;
  readonly #group: string;
  readonly #subscriptions: RedisSubscriptions;

  constructor(
    connection: RedisConnection,
    link: SubscribableLink,
    group: string,
    options: SubscriptionsOptions,
  ) {
    this.#connection = connection;
    this.#link = link;
    this.#group = group;
    this.#subscriptions = new RedisSubscriptions(options);
  }

  attach(link: SubscriptionLink): Promise<void> {
    return this.#subscriptions.attach(link);
  }

  /** A link that is gone settles what waits for it. */
  subscribe(topic: Topic): Promise<void> {
    return this.#subscriptions.subscribe(topic);
  }

  unsubscribe(topic: Topic): Promise<void> {
    return this.#subscriptions.unsubscribe(topic);
  }

  fence(mark: string, topic: Topic): Promise<void> {
    const { keys } = this.#connection;
    return this.#link.publish(keys.fences(this.#group), mark, keys.log(topic));
  }

  /** In a Cluster the order is that of a slot's master. */
  orderOf(topic: Topic): string {
    const { keys, options } = this.#connection;
    return options.target.kind === "cluster" ? String(slotOf(keys.log(topic))) : "";
  }
}
