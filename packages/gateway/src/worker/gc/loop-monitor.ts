/**
 * How busy the event loop is: its delay, for load reports and for the metrics, and its utilization.
 *
 * A timer on the grid of all timers (core's clock) tells how much later than its interval it was called:
 * a delay shorter than the interval is seen by chance, a longer one always. Node's own histogram of the
 * delay is a timer of the loop besides, which wakes an idle worker. A worker at rest (core's clock) is not
 * measured: nothing waits for its loop. In a quiet one the timer comes twice a second. Each reader has its
 * own "since you last asked".
 */
import { createHistogram, type EventLoopUtilization, performance } from "node:perf_hooks";
import type { Clock, Timer } from "@holdfast/core";
import type { LoopDelays } from "../../link/worker-readings.js";

/** The interval of the ticker, so that an idle worker wakes up once for both. */
const RESOLUTION_MS = 100;
const NS_PER_MS = 1e6;

export class LoopMonitor {
  readonly #clock: Clock;
  readonly #timer: Timer;
  /** Of the timer's last call, monotonic ms. */
  #last: number;
  #maxSinceReport = 0;
  /** In ns, as Node's histograms take whole numbers. */
  readonly #sinceScrape = createHistogram();
  #lastUtilization: EventLoopUtilization = performance.eventLoopUtilization();
  #lastReported: EventLoopUtilization = performance.eventLoopUtilization();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#last = clock.monotonic();
    this.#timer = clock.every(RESOLUTION_MS, () => this.#sample());
  }

  /** The largest delay since the last call, in ms. */
  takeMaxDelayMs(): number {
    const max = this.#maxSinceReport;
    this.#maxSinceReport = 0;
    return max;
  }

  /** The delays since the last call, in seconds. */
  takeDelays(): LoopDelays {
    const histogram = this.#sinceScrape;
    const delays =
      histogram.count === 0
        ? { p50: 0, p99: 0, max: 0 }
        : {
            p50: seconds(histogram.percentile(50)),
            p99: seconds(histogram.percentile(99)),
            max: seconds(histogram.max),
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

  /** Likewise, since the last report to viewers. */
  takeReportedUtilization(): number {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#lastReported);
    this.#lastReported = now;
    return utilization;
  }

  /** Idempotent. */
  close(): void {
    this.#timer.cancel();
  }

  #sample(): void {
    const now = this.#clock.monotonic();
    const { rest } = this.#clock;
    if (rest?.wasResting === true) {
      this.#last = now;
      return;
    }
    // After a late call the next one comes sooner than an interval later.
    const delayMs = rest?.wasQuiet === true ? rest.lateMs : Math.max(0, now - this.#last - RESOLUTION_MS);
    this.#last = now;
    this.#maxSinceReport = Math.max(this.#maxSinceReport, delayMs);
    this.#sinceScrape.record(Math.max(1, Math.round(delayMs * NS_PER_MS)));
  }
}

function seconds(ns: number): number {
  return ns / NS_PER_MS / 1000;
}
