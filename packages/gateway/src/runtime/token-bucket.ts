/**
 * A token bucket on the wall: so many per second, twice that at once.
 */

const BURST_SECONDS = 2;

export class TokenBucket {
  readonly #perSecond: number;
  #credit: number;
  /** When `#credit` was true, monotonic ms. */
  #since: number;

  /** Full at `now`, monotonic ms. */
  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond;
    this.#credit = perSecond * BURST_SECONDS;
    this.#since = now;
  }

  /** Whether nothing has been taken for long enough. */
  isFull(now: number): boolean {
    return this.#refill(now) >= this.#perSecond * BURST_SECONDS;
  }

  /** Whether one may be taken. */
  has(now: number): boolean {
    return this.#refill(now) >= 1;
  }

  /** Takes one, or as many as `cost` says, which the next ones wait for. */
  take(now: number, cost = 1): void {
    this.#credit = this.#refill(now) - cost;
  }

  #refill(now: number): number {
    const earned = ((now - this.#since) / 1000) * this.#perSecond;
    this.#credit = Math.min(this.#perSecond * BURST_SECONDS, this.#credit + earned);
    this.#since = now;
    return this.#credit;
  }
}
