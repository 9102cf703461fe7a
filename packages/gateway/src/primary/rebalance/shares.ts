/**
 * Shares: how many clients each instance would hold if they were spread as they should be.
 *
 * Pure. All have the same share, or one by their weights; what an instance cannot hold the others share.
 * Invariants: no share is above its capacity, nor, where all capacities together suffice, is a client
 * without a share.
 */

export interface Sharer {
  /** Its share against the others': 1 is usual. */
  readonly weight: number;
  /** Connections that it takes at most. */
  readonly capacity: number;
}

/** The share of each, in the order given; fractions of a client included. */
export function sharesOf(total: number, sharers: readonly Sharer[]): number[] {
  const shares = sharers.map(() => 0);
  let open = sharers.map((_, index) => index);
  let rest = total;
  while (open.length > 0) {
    const weights = open.reduce((sum, index) => sum + (sharers[index]?.weight ?? 0), 0);
    const perWeight = rest / weights;
    const full = open.filter((index) => isFull(sharers[index], perWeight));
    for (const index of full.length === 0 ? open : full) {
      const { weight = 0, capacity = 0 } = sharers[index] ?? {};
      shares[index] = Math.min(capacity, weight * perWeight);
    }
    if (full.length === 0) break;
    rest = Math.max(0, rest - full.reduce((sum, index) => sum + (shares[index] ?? 0), 0));
    open = open.filter((index) => !full.includes(index));
  }
  return shares;
}

function isFull(sharer: Sharer | undefined, perWeight: number): boolean {
  return sharer !== undefined && sharer.weight * perWeight > sharer.capacity;
}
