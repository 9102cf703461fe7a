/**
 * The clients that were sent away a moment ago, and may not be back anywhere yet.
 *
 * Invariant: it remembers no more than `AWAY_MS` of them.
 */

/** Their time to return, the client's own backoff, a handshake, and until the next instance has said so. */
export const AWAY_MS = 6_000;

export class RecentSheds {
  #recent: { readonly at: number; readonly count: number }[] = [];
  #total = 0;

  /** All there ever were. */
  get total(): number {
    return this.#total;
  }

  add(now: number, count: number): void {
    this.#total += count;
    this.#recent.push({ at: now, count });
  }

  away(now: number): number {
    this.#recent = this.#recent.filter(({ at }) => now - at < AWAY_MS);
    return this.#recent.reduce((sum, { count }) => sum + count, 0);
  }
}
