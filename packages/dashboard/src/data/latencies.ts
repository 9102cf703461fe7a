/**
 * Latency histograms: what the counts of an overview say of the last minutes, and their quantiles.
 *
 * Pure. Counts only grow, but for a worker that has ended and took its own with it: no difference is
 * negative.
 */
import type { LatenciesAnswer } from "./answers.js";

/** Of which the dashboard shows a histogram. */
export const LATENCIES = Object.freeze(["delivery", "loop", "gc"] as const);
export type LatencyName = (typeof LATENCIES)[number];

export interface Histogram {
  /** Upper bounds, s; the last count is above them all. */
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly total: number;
}

/** What was counted between the two; all that there is without an earlier one. */
export function histogramOf(
  name: LatencyName,
  before: LatenciesAnswer | undefined,
  after: LatenciesAnswer,
): Histogram {
  const counts = after[name].map((count, place) => Math.max(0, count - (before?.[name][place] ?? 0)));
  return { bounds: after.bounds, counts, total: counts.reduce((sum, count) => sum + count, 0) };
}

/** The bound that the share of all stays within, s; `Infinity` above the last, undefined without counts. */
export function quantile({ bounds, counts, total }: Histogram, share: number): number | undefined {
  if (total === 0) return undefined;
  let seen = 0;
  for (const [place, count] of counts.entries()) {
    seen += count;
    if (seen >= share * total) return bounds[place] ?? Number.POSITIVE_INFINITY;
  }
  return Number.POSITIVE_INFINITY;
}

/** `≤ 5 ms`, `> 10 s`, `–`. */
export function boundText(seconds: number | undefined, last: number): string {
  if (seconds === undefined) return "–";
  const ms = Math.min(seconds, last) * 1000;
  const text = ms >= 1000 ? `${ms / 1000} s` : `${Number(ms.toPrecision(3))} ms`;
  return seconds > last ? `> ${text}` : `≤ ${text}`;
}
