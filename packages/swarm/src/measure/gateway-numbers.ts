/**
 * What a run reads from the gateway's /metrics: event-loop delay and garbage collections.
 */
import type { MetricLine } from "./metrics-text.js";

export interface GatewayNumbers {
  /** Of the worst worker since the last scrape, ms. */
  readonly loopDelayP99Ms: number;
  readonly loopDelayMaxMs: number;
  /** All workers' collections since the start. */
  readonly gcSeconds: number;
  /** Upper bound of a bucket in seconds to the pauses at or below it, all kinds and workers. */
  readonly gcBuckets: ReadonlyMap<number, number>;
}

export function gatewayNumbers(lines: readonly MetricLine[]): GatewayNumbers {
  const delays = (quantile: string): number =>
    lines.reduce(
      (most, { name, labels, value }) =>
        name === "holdfast_event_loop_delay_seconds" && labels.quantile === quantile
          ? Math.max(most, value)
          : most,
      0,
    ) * 1000;
  let gcSeconds = 0;
  const gcBuckets = new Map<number, number>();
  for (const { name, labels, value } of lines) {
    if (name === "holdfast_gc_pause_seconds_sum") gcSeconds += value;
    if (name !== "holdfast_gc_pause_seconds_bucket") continue;
    const bound = labels.le === "+Inf" ? Number.POSITIVE_INFINITY : Number(labels.le);
    gcBuckets.set(bound, (gcBuckets.get(bound) ?? 0) + value);
  }
  return { loopDelayP99Ms: delays("0.99"), loopDelayMaxMs: delays("1"), gcSeconds, gcBuckets };
}

/**
 * The bucket of the longest pause between two readings, ms; 0 when there was none. Beyond the last bucket,
 * its bound.
 */
export function longestPauseMs(before: GatewayNumbers, after: GatewayNumbers): number {
  const bounds = [...after.gcBuckets.keys()].sort((a, b) => a - b);
  let seen = 0;
  let longest = 0;
  for (const bound of bounds) {
    const count = (after.gcBuckets.get(bound) ?? 0) - (before.gcBuckets.get(bound) ?? 0);
    if (count > seen) longest = Number.isFinite(bound) ? bound : longest;
    seen = Math.max(seen, count);
  }
  return longest * 1000;
}
