/**
 * A placement: the subscription of this worker to one topic at one home, a sibling or the worker itself.
 *
 * Owns its state; what it means for the topic is `shared-topics.ts`. Invariant: a placement that was ended is
 * told nothing any more.
 */
import type { Topic } from "@holdfast/core";
import type { SharedPayload, TopicInterest } from "./topic-home.js";

/** Where a topic can be subscribed. */
export interface SiblingHome {
  readonly slot: number;
  /** Begins; the placement is told what comes of it. */
  subscribe(placement: TopicPlacement): void;
  /** Ends; the placement may still be told what is on its way. */
  unsubscribe(placement: TopicPlacement): void;
}

/** What is told of placements. */
export interface PlacementEvents {
  confirmed(placement: TopicPlacement): void;
  /** The home could not subscribe: the placement is over. */
  refused(placement: TopicPlacement): void;
  payload(placement: TopicPlacement, payload: Buffer): void;
  skipped(placement: TopicPlacement): void;
}

export class TopicPlacement implements TopicInterest {
  readonly topic: Topic;
  readonly home: SiblingHome;
  readonly #events: PlacementEvents;
  phase: "asked" | "confirmed" | "fenced" = "asked";
  /** Whether its payloads are passed over until a fence has come: they may have been delivered already. */
  isBarred: boolean;
  #isOver = false;

  constructor(topic: Topic, home: SiblingHome, events: PlacementEvents, isBarred = false) {
    this.topic = topic;
    this.home = home;
    this.#events = events;
    this.isBarred = isBarred;
  }

  /** Asks the home. */
  begin(): void {
    this.home.subscribe(this);
  }

  end(): void {
    this.#isOver = true;
    this.home.unsubscribe(this);
  }

  accepted(): void {}

  confirmed(): void {
    if (this.#isOver) return;
    this.phase = "confirmed";
    this.#events.confirmed(this);
  }

  refused(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#events.refused(this);
  }

  payload({ bytes }: Pick<SharedPayload, "bytes">): void {
    if (!this.#isOver) this.#events.payload(this, bytes);
  }

  skipped(): void {
    if (!this.#isOver) this.#events.skipped(this);
  }
}
