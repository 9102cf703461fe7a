/**
 * The polls of a worker that are held: each has a deadline, and those that another instance passed on give
 * signs of life to it.
 *
 * Invariant: a poll is here from when its session holds it until that lets go of it.
 */
import type { Clock, Timer } from "@holdfast/core";
import { SIGN_INTERVAL_MS } from "../relay/relay-requests.js";
import { type WaitingSocket, WaitingSockets } from "../sockets/waiting-sockets.js";

/** A poll with a deadline; at it, `destroy` is called: it was held long enough. */
export interface SignedPoll extends WaitingSocket {
  /** Another instance passed it on. */
  readonly isForwarded: boolean;
  /** Tells the instance that passed it on that it is held still. */
  sign(): void;
}

export class HeldPolls<Poll extends SignedPoll> {
  readonly #held: WaitingSockets<Poll>;
  readonly #forwarded = new Set<Poll>();
  readonly #signs: Timer;

  /** `holdMs`: how long a poll without news is held. */
  constructor(clock: Clock, holdMs: number) {
    this.#held = new WaitingSockets(clock, holdMs, Number.POSITIVE_INFINITY);
    this.#signs = clock.every(SIGN_INTERVAL_MS, () => {
      for (const held of this.#forwarded) held.sign();
    });
  }

  /** Each has a socket. */
  get size(): number {
    return this.#held.size;
  }

  add(held: Poll): void {
    this.#held.add(held);
    if (!held.isForwarded) return;
    this.#forwarded.add(held);
    held.sign();
  }

  release(held: Poll): void {
    this.#held.release(held);
    this.#forwarded.delete(held);
  }

  /** Ends the wait of all of them. Idempotent. */
  close(): void {
    this.#signs.cancel();
    this.#forwarded.clear();
    this.#held.close();
  }
}
