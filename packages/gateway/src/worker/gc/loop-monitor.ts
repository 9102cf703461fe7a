/**
 * How busy the event loop is: its delay, for load reports and for the metrics, and its utilization.
 *
 * Each reader has its own "since you last asked", so the delay has a histogram each; both are filled outside
 * of JavaScript. The delay is what came on top of the sampling interval.
 */

import {
  type EventLoopUtilization,
  type IntervalHistogram,
  monitorEventLoopDelay,
  performance,
} from "node:perf_hooks";
import type { LoopDelays } from "../../link/metrics.js";

/**
 * A timer of the loop for each histogram: at 25 ms the two would wake an idle worker up to 80 times a second.
 * A delay shorter than this is seen by chance, a longer one always.
 */
const RESOLUTION_MS = 100;
const NS_PER_MS = 1e6;

export class LoopMonitor {
  readonly #sinceReport: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #sinceScrape: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #lastUtilization: EventLoopUtilization = performance.eventLoopUtilization();

  constructor() {
    this.#sinceReport.enable();
    this.#sinceScrape.enable();
  }

  /** The largest delay since the last call, in ms. */
  takeMaxDelayMs(): number {
    const max = maxMs(this.#sinceReport);
    this.#sinceReport.reset();
    return max;
  }

  /** The delays since the last call. */
  takeDelays(): LoopDelays {
    const histogram = this.#sinceScrape;
    const delays = {
      p50: delayMs(histogram.percentile(50)) / 1000,
      p99: delayMs(histogram.percentile(99)) / 1000,
      max: maxMs(histogram) / 1000,
    };
    histogram.reset();
    return delays;
  }

  /** The share of time since the last call in which the loop worked, 0–1. */
  takeUtilization(): number {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#lastUtilization);
    this.#lastUtilization = now;
    return utilization;
  }

  /** Idempotent. */
  close(): void {
    this.#sinceReport.disable();
    this.#sinceScrape.disable();
  }
}

/** An empty histogram's `max` is the number that it starts its comparisons with. */
function maxMs(histogram: IntervalHistogram): number {
  return histogram.count === 0 ? 0 : delayMs(histogram.max);
}

function delayMs(sampledNs: number): number {
  return Math.max(0, sampledNs / NS_PER_MS - RESOLUTION_MS);
}
