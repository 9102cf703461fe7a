/**
 * What got worse since an earlier result: `--against <json>`.
 *
 * Machines and their moods differ, so ratios to a peer of the same run are compared where there are any, and
 * our own figures only where there are none. Worse is what lies outside both spreads and beyond a tolerance.
 */
import { type BenchResult, casesOf, type Metric, OURS, peersOf, ratioOf, summaryOf } from "./result.js";
import type { Summary } from "./statistics.js";

export interface Regression {
  readonly scenario: string;
  readonly case: string;
  readonly metric: Metric;
  /** The peer that ours was divided by, or undefined for our own figure. */
  readonly against: string | undefined;
  readonly before: Summary;
  readonly after: Summary;
}

/** Changes below this share are noise whatever the spread says. */
const TOLERANCE = 0.1;

export function regressions(before: BenchResult, after: BenchResult): Regression[] {
  const found: Regression[] = [];
  for (const { name: scenario, metrics } of after.scenarios) {
    for (const name of casesOf(after, scenario)) {
      const peers = peersOf(after, scenario, name).filter((peer) => peer !== OURS);
      for (const metric of metrics) {
        if (metric.hidden || metric.compare === "never") continue;
        const figure = { scenario, case: name, metric: metric.key };
        const compared = (metric.compare === "own" ? [] : peers)
          .map((peer) => ({
            against: peer as string | undefined,
            before: ratioOf(before, { ...figure, peer }),
            after: ratioOf(after, { ...figure, peer }),
          }))
          .filter((each) => each.before !== undefined && each.after !== undefined);
        if (compared.length === 0) {
          const own = { ...figure, peer: OURS };
          compared.push({ against: undefined, before: summaryOf(before, own), after: summaryOf(after, own) });
        }
        for (const each of compared) {
          if (each.before === undefined || each.after === undefined) continue;
          if (!isWorse(each.before, each.after, metric)) continue;
          found.push({
            scenario,
            case: name,
            metric,
            against: each.against,
            before: each.before,
            after: each.after,
          });
        }
      }
    }
  }
  return found;
}

/**
 * True when even the best of `after` is worse than the worst of `before`, and the medians differ by more than
 * noise.
 */
export function isWorse(
  before: Summary,
  after: Summary,
  { better, noise = 0 }: Pick<Metric, "better" | "noise">,
): boolean {
  const least = Math.max(noise, Math.abs(before.median) * TOLERANCE);
  return better === "lower"
    ? after.min > before.max && after.median > before.median + least
    : after.max < before.min && after.median < before.median - least;
}
