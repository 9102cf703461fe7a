/**
 * A topic that this worker wishes, and where its payloads come from.
 *
 * After a home is lost, the next one may be behind it: what that brings before a fence is passed over, and
 * then the topic is in doubt, which is told, so that nothing comes twice. A move makes before it breaks.
 * The next home is asked and confirms, then a fence is published. Until the fence of the old home the old
 * one's payloads count, and after the fence of the next home the next one's; these are held until the
 * former has come. Invariants: each payload is delivered once and in order; where that cannot be known, the
 * topic is in doubt, and `skipped` is told once payloads come again.
 */
import type { SharingEvents, Topic } from "@holdfast/core";
import { HeldPayloads } from "./held-payloads.js";
import { type PlacementEvents, type SiblingHome, TopicPlacement } from "./placement.js";
import { topicHash } from "./rendezvous.js";

export interface TopicWaiter {
  resolve(): void;
  reject(error: Error): void;
}

export class SharedTopic {
  readonly topic: Topic;
  readonly hash: number;
  readonly #events: SharingEvents;
  /** Whose payloads are delivered; undefined: the topic is stranded, and sought for later. */
  current: TopicPlacement | undefined;
  /** Where the topic moves. */
  next: TopicPlacement | undefined;
  /** The fence of the move, once it was published. */
  mark: string | undefined;
  /** Callers that wait until it is confirmed for the first time. */
  waiters: TopicWaiter[] = [];
  #isDoubted = false;
  /** Of the next home, until the old one's fence has come. */
  readonly #held = new HeldPayloads();

  constructor(topic: Topic, events: SharingEvents) {
    this.topic = topic;
    this.hash = topicHash(topic);
    this.#events = events;
  }

  /** Whether callers need not wait. */
  get isConfirmed(): boolean {
    const { current } = this;
    return current !== undefined && current.phase !== "asked" && !current.isBarred;
  }

  /** Whether a home has confirmed it, and no move is under way. */
  get isSettled(): boolean {
    const { current } = this;
    return current?.phase === "confirmed" && !current.isBarred && this.next === undefined;
  }

  /** `isBarred`: payloads of another home have been delivered before. */
  seek(home: SiblingHome, events: PlacementEvents, isBarred: boolean): void {
    this.current = new TopicPlacement(this.topic, home, events, isBarred);
    this.current.begin();
  }

  move(home: SiblingHome, events: PlacementEvents): void {
    this.next = new TopicPlacement(this.topic, home, events);
    this.next.begin();
  }

  payload(placement: TopicPlacement, payload: Buffer): void {
    if (placement === this.current) {
      if (placement.phase === "fenced" || placement.isBarred) return;
      this.#settleDoubt();
      this.#events.payload(this.topic, payload);
    } else if (placement === this.next && placement.phase === "fenced") {
      if (this.#held.add(payload)) return;
      // The old home is far behind: what it has yet to bring is left out.
      this.#isDoubted = true;
      this.#arrive();
    }
  }

  /** The home left payloads out. */
  skipped(placement: TopicPlacement): void {
    if (placement === this.current) this.#doubt();
    // What came before its fence is not missed.
    else if (placement === this.next && placement.phase === "fenced") this.#held.isDoubted = true;
  }

  /** Whether its home, or its next one, has confirmed it and waits for a fence. */
  get wantsFence(): boolean {
    const { current, next } = this;
    return next?.phase === "confirmed" || (current?.phase === "confirmed" && current.isBarred);
  }

  /** The topic's home has confirmed it, and what it brings is new. */
  confirmed(): void {
    if (this.current !== undefined) this.current.isBarred = false;
    this.#settleDoubt();
    const waiters = this.waiters;
    this.waiters = [];
    for (const waiter of waiters) waiter.resolve();
  }

  /** A fence has arrived from this home. Returns whether the move is done. */
  fenced(home: SiblingHome, mark: string): boolean {
    const { current, next } = this;
    // That move is over.
    if (current === undefined || this.mark !== mark) return true;
    if (next === undefined) {
      if (current.home !== home) return false;
      this.mark = undefined;
      this.confirmed();
      return true;
    }
    if (next.home === home) next.phase = "fenced";
    else if (current.home === home) current.phase = "fenced";
    if (next.phase !== "fenced" || current.phase !== "fenced") return false;
    this.#arrive();
    return true;
  }

  /** Stays where it is. */
  abandonMove(): void {
    const { current, next } = this;
    this.next = undefined;
    this.mark = undefined;
    this.#held.release();
    next?.end();
    if (current?.phase !== "fenced") return;
    // What it brought since its fence was left to the next home.
    current.phase = "confirmed";
    this.#doubt();
  }

  /**
   * A home is gone, and this placement with it. Returns whether the topic has to be sought for.
   */
  lost(placement: TopicPlacement): boolean {
    if (placement === this.next) this.abandonMove();
    if (placement !== this.current) return false;
    this.#isDoubted = true;
    this.current = undefined;
    if (this.next === undefined) return true;
    this.#arrive();
    return false;
  }

  /** Ends every placement; those that wait are told so. */
  close(error?: Error): void {
    const { current, next, waiters } = this;
    this.current = undefined;
    this.next = undefined;
    this.waiters = [];
    this.#held.release();
    current?.end();
    next?.end();
    for (const waiter of waiters) {
      if (error === undefined) waiter.resolve();
      else waiter.reject(error);
    }
  }

  /** The next home becomes the topic's home. */
  #arrive(): void {
    const { current, next } = this;
    if (next === undefined) return;
    if (this.#held.isDoubted) this.#isDoubted = true;
    const held = this.#held.release();
    this.current = next;
    this.next = undefined;
    current?.end();
    if (next.phase !== "fenced") {
      // The fence that is under way, or the next one, says from where on what it brings is new.
      next.isBarred = true;
      return;
    }
    next.phase = "confirmed";
    this.mark = undefined;
    this.#settleDoubt();
    for (const payload of held) this.#events.payload(this.topic, payload);
  }

  #doubt(): void {
    this.#isDoubted = true;
    const { current } = this;
    if (current !== undefined && current.phase !== "asked" && !current.isBarred) this.#settleDoubt();
  }

  #settleDoubt(): void {
    if (!this.#isDoubted) return;
    this.#isDoubted = false;
    this.#events.skipped(this.topic);
  }
}
