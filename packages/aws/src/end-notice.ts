/**
 * What the machine's metadata say of its end, and the order in which it counts.
 *
 * Invariant: a notice never becomes a weaker one: an instance that is to be terminated stays so.
 */

/** Why the instance is about to leave. */
export type EndNotice =
  /** Auto Scaling has chosen it: its lifecycle hook waits for this agent. */
  | { readonly kind: "terminating" }
  /** EC2 takes a Spot instance back. `at`: when, ISO 8601 in UTC, as the metadata say it. */
  | { readonly kind: "spot"; readonly at: string }
  /** A Spot instance is more likely than others to be taken back soon. */
  | { readonly kind: "rebalance" };

const RANK: Readonly<Record<EndNotice["kind"], number>> = { rebalance: 1, spot: 2, terminating: 3 };

/** The notice that counts of two. */
export function stronger(one: EndNotice | undefined, other: EndNotice | undefined): EndNotice | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return RANK[other.kind] > RANK[one.kind] ? other : one;
}

export function describeNotice(notice: EndNotice): string {
  switch (notice.kind) {
    case "terminating":
      return "Auto Scaling terminates this instance";
    case "spot":
      return `EC2 takes this Spot instance back at ${notice.at}`;
    case "rebalance":
      return "EC2 recommends to replace this Spot instance";
  }
}
