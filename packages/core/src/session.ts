/**
 * A session: who is connected and what it listens to. It begins with the connect command, or with the URL.
 *
 * Invariant: at most one subscription per topic. A session holds few topics (`maxChannels`), so it keeps them in an
 * array of exact length: a Map, or the spare room of a growing array, would cost more than the rest of the session.
 */
import type { Subscription } from "./subscription.js";
import type { Topic } from "./topic.js";

const NONE: readonly Subscription[] = Object.freeze([]);

export class Session {
  /** Identity given by the application; undefined for an anonymous client. */
  readonly user: string | undefined;
  #subscriptions: readonly Subscription[] = NONE;
  #live = false;

  constructor(user: string | undefined) {
    this.user = user;
  }

  /** False until its connect is answered: nothing is pushed before that. */
  get live(): boolean {
    return this.#live;
  }

  /** Its connect is answered now. */
  begin(): void {
    this.#live = true;
  }

  get subscriptions(): readonly Subscription[] {
    return this.#subscriptions;
  }

  find(topic: Topic): Subscription | undefined {
    for (const subscription of this.#subscriptions) if (subscription.topic === topic) return subscription;
    return undefined;
  }

  add(subscription: Subscription): void {
    this.#subscriptions =
      this.#subscriptions.length === 0 ? [subscription] : [...this.#subscriptions, subscription];
  }

  /** True when it was there. */
  remove(subscription: Subscription): boolean {
    const rest = this.#subscriptions.filter((other) => other !== subscription);
    if (rest.length === this.#subscriptions.length) return false;
    this.#subscriptions = rest;
    return true;
  }
}
