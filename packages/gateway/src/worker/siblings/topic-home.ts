/**
 * The home of topics: the subscriptions that this worker holds at the broker for its instance, and the
 * workers that are interested in each.
 *
 * One subscription per topic, for as long as a worker is interested; this worker counts as one of them.
 * Invariants: a payload is given once to each interest; an interest is confirmed after the broker has
 * confirmed the topic; nothing survives the link.
 */
import type { OwnSubscriptions, Topic } from "@holdfast/core";
import { payloadFrame } from "./frames.js";

/** One worker's interest in one topic. */
export interface TopicInterest {
  /** Payloads will come under this number, which no other topic of the home has. */
  accepted(number: number): void;
  confirmed(): void;
  /** The broker could not subscribe: the interest is over. */
  refused(): void;
  payload(payload: SharedPayload): void;
}

interface HomedTopic {
  readonly number: number;
  readonly interests: Set<TopicInterest>;
  isConfirmed: boolean;
}

export class TopicHome {
  readonly #topics = new Map<Topic, HomedTopic>();
  #own: OwnSubscriptions | undefined;
  #numbers = 0;

  /** Whether there is a link to subscribe over. */
  get isAble(): boolean {
    return this.#own !== undefined;
  }

  /** Whether the topic is subscribed here, or about to be. */
  homes(topic: Topic): boolean {
    return this.#topics.has(topic);
  }

  /** Topics that are subscribed here. */
  get size(): number {
    return this.#topics.size;
  }

  attach(own: OwnSubscriptions): void {
    this.#topics.clear();
    this.#own = own;
  }

  /** The link is gone, and every interest with it. */
  detach(): void {
    this.#topics.clear();
    this.#own = undefined;
  }

  add(topic: Topic, interest: TopicInterest): void {
    const own = this.#own;
    if (own === undefined) return interest.refused();
    const known = this.#topics.get(topic);
    const homed = known ?? { number: this.#newNumber(), interests: new Set(), isConfirmed: false };
    homed.interests.add(interest);
    interest.accepted(homed.number);
    if (homed.isConfirmed) return interest.confirmed();
    if (known !== undefined) return;
    this.#topics.set(topic, homed);
    own.subscribe(topic).then(
      () => this.#confirmed(topic, homed),
      () => this.#refused(topic, homed),
    );
  }

  /** The last one that is removed ends the subscription. */
  remove(topic: Topic, interest: TopicInterest): void {
    const homed = this.#topics.get(topic);
    if (homed === undefined || !homed.interests.delete(interest) || homed.interests.size > 0) return;
    this.#topics.delete(topic);
    // The broker forgets the topic all the same.
    this.#own?.unsubscribe(topic).catch(() => {});
  }

  payload(topic: Topic, payload: Buffer): void {
    const homed = this.#topics.get(topic);
    if (homed === undefined) return;
    const shared = new SharedPayload(homed.number, payload);
    for (const interest of homed.interests) interest.payload(shared);
  }

  #confirmed(topic: Topic, homed: HomedTopic): void {
    if (this.#topics.get(topic) !== homed) return;
    homed.isConfirmed = true;
    for (const interest of homed.interests) interest.confirmed();
  }

  #refused(topic: Topic, homed: HomedTopic): void {
    if (this.#topics.get(topic) !== homed) return;
    this.#topics.delete(topic);
    for (const interest of homed.interests) interest.refused();
  }

  /** Not 0, and never that of another topic: a life has fewer than 2^32 subscriptions at a time. */
  #newNumber(): number {
    this.#numbers = this.#numbers === 0xffffffff ? 1 : this.#numbers + 1;
    return this.#numbers;
  }
}

/** A payload with its frame, which is made once however many siblings are sent it. */
export class SharedPayload {
  readonly number: number;
  readonly bytes: Buffer;
  #frame: Buffer | undefined;

  constructor(number: number, bytes: Buffer) {
    this.number = number;
    this.bytes = bytes;
  }

  get frame(): Buffer {
    this.#frame ??= payloadFrame(this.number, this.bytes);
    return this.#frame;
  }
}
