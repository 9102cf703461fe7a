/**
 * The seam by which a process shares its subscriptions at the broker with other processes of its instance.
 *
 * Beneath a broker, above its link: payloads are carried as they are, and what they mean stays with the
 * broker that receives them. The broker says what it wishes over the `SharedLink`; the implementation
 * decides which process subscribes, and asks for the subscriptions that fall to this one over
 * `OwnSubscriptions`. An implementer owes: a confirmed topic's payloads come once and in the order of the
 * broker, until `skipped` says that some may be missing; after it they come so again.
 */
import type { Topic } from "./topic.js";

/** What this process subscribes to by its own link, for itself and for others. Ends with the link. */
export interface OwnSubscriptions {
  /** Resolves when the broker has confirmed it; rejects when it could not, within a deadline. */
  subscribe(topic: Topic): Promise<void>;
  unsubscribe(topic: Topic): Promise<void>;
  /**
   * Publishes `mark` to all processes of the instance. For each of them it arrives behind what was
   * published to `topic` before, and ahead of what is published to it later.
   */
  fence(mark: string, topic: Topic): Promise<void>;
  /** Topics with the same value have one order, so that one fence serves them all. */
  orderOf(topic: Topic): string;
}

/** Where the broker's wishes go while its link is open. */
export interface SharedLink {
  /** Resolves when all are confirmed. */
  subscribe(topics: readonly Topic[]): Promise<void>;
  unsubscribe(topics: readonly Topic[]): Promise<void>;
}

export interface SharingEvents {
  /** A payload of a wished topic. */
  payload(topic: Topic, payload: Buffer): void;
  /** Payloads of a wished topic may be missing: later ones follow. */
  skipped(topic: Topic): void;
}

export interface SubscriptionSharing {
  /** The same in all processes that share, and in no others. */
  readonly group: string;
  /** Called once, before the first `attach`. */
  start(events: SharingEvents): void;
  /** The broker's own link is open, and fences of the group arrive on it. */
  attach(own: OwnSubscriptions): SharedLink;
  /** The broker's own link is gone. May be called without one. */
  detach(): void;
  /** A payload on one of this process's own subscriptions. */
  payload(topic: Topic, payload: Buffer): void;
  /** A fence of the group has arrived, in order with the payloads. */
  fence(mark: string): void;
}
