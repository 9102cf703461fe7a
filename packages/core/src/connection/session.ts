/**
 * A session: a client's identity and the topics that it listens to. It begins with the connect command, or
 * with the URL.
 *
 * Invariant: at most one subscription per topic. A session holds few topics (`maxChannels`), so it keeps one
 * alone, and several in an array of exact length: a Map, or the spare room of a growing array, would cost
 * more than the rest of the session.
 */
import type { Identity } from "../access/identity.js";
import type { Topic } from "../broker/topic.js";
import type { Subscription } from "../hub/subscription.js";

const NONE: readonly Subscription[] = Object.freeze([]);

/** Most sessions have one, and need no array. */
type Subscriptions = Subscription | readonly Subscription[];

export class Session {
  /**
   * The session count: 0 at first, one more with each resume on any worker. Of two connections the higher one
   * is newer.
   */
  readonly count: number;
  /** The tick at which its connect was answered; 0 before. */
  #beganTick = 0;
  #identity: Identity;
  #subscriptions: Subscriptions = NONE;
  #phase: "beginning" | "live" | "resumable" = "beginning";

  constructor(identity: Identity, count = 0) {
    this.count = count;
    this.#identity = identity;
  }

  /** Its user, and what it may do. */
  get identity(): Identity {
    return this.#identity;
  }

  /** Identity given by the application; undefined for an anonymous client. */
  get user(): string | undefined {
    return this.#identity.user;
  }

  /** The same user with other rights; `changeIdentity` sees to what follows from it. */
  become(identity: Identity): void {
    this.#identity = identity;
  }

  /** False until its connect is answered: nothing is pushed before that. */
  get live(): boolean {
    return this.#phase !== "beginning";
  }

  /** Whether its client was given what it needs in order to come back as this session. */
  get resumable(): boolean {
    return this.#phase === "resumable";
  }

  get beganTick(): number {
    return this.#beganTick;
  }

  /** Its connect is answered now; with a token, the client may come back as this session. */
  begin(token: string | undefined, tick: number): void {
    this.#beganTick = tick;
    this.#phase = token === undefined ? "live" : "resumable";
  }

  /** How many. */
  get size(): number {
    return isMany(this.#subscriptions) ? this.#subscriptions.length : 1;
  }

  /** How many of them are channels: the topic of a user's own messages is none. */
  get channels(): number {
    return this.user === undefined ? this.size : Math.max(0, this.size - 1);
  }

  get subscriptions(): readonly Subscription[] {
    return isMany(this.#subscriptions) ? this.#subscriptions : [this.#subscriptions];
  }

  find(topic: Topic): Subscription | undefined {
    const subscriptions = this.#subscriptions;
    if (!isMany(subscriptions)) return subscriptions.topic === topic ? subscriptions : undefined;
    for (const subscription of subscriptions) if (subscription.topic === topic) return subscription;
    return undefined;
  }

  add(subscription: Subscription): void {
    this.#subscriptions = this.size === 0 ? subscription : [...this.subscriptions, subscription];
  }

  /** True when it was there. */
  remove(subscription: Subscription): boolean {
    const before = this.subscriptions;
    const rest = before.filter((other) => other !== subscription);
    if (rest.length === before.length) return false;
    const [only] = rest;
    this.#subscriptions = rest.length === 1 && only !== undefined ? only : rest.length === 0 ? NONE : rest;
    return true;
  }
}

function isMany(subscriptions: Subscriptions): subscriptions is readonly Subscription[] {
  return Array.isArray(subscriptions);
}
