/**
 * How many connections are due: an even rate, and never more than a bound on their way at once.
 *
 * Time that nothing could be opened in is not made up for beyond a quarter of a second, so a gateway that
 * stalled is not met by a burst. Invariant: over any stretch of time at most rate × (time + 0.25 s) are given
 * out.
 */

const MAX_CATCH_UP_S = 0.25;

export class Pacer {
  readonly #perMs: number;
  readonly #most: number;
  #allowance = 0;
  #lastMs: number;

  /** `rate` in connections a second. */
  constructor(rate: number, nowMs: number) {
    this.#perMs = rate / 1000;
    this.#most = Math.max(1, rate * MAX_CATCH_UP_S);
    this.#lastMs = nowMs;
  }

  /** How many may be opened now, at most `room`. */
  take(nowMs: number, room: number): number {
    this.#allowance = Math.min(this.#most, this.#allowance + (nowMs - this.#lastMs) * this.#perMs);
    this.#lastMs = nowMs;
    const count = Math.max(0, Math.min(Math.floor(this.#allowance), room));
    this.#allowance -= count;
    return count;
  }
}
