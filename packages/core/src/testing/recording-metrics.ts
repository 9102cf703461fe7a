/**
 * Metrics that a test can read.
 */
import type { CounterName, HistogramName, Metrics } from "../runtime/metrics.js";

export class RecordingMetrics implements Metrics {
  /** Calls of `add` and `observe`: what reporting costs. */
  calls = 0;
  readonly #counts = new Map<CounterName, number>();
  readonly #observed = new Map<HistogramName, number[]>();

  add(counter: CounterName, amount: number): void {
    this.calls++;
    this.#counts.set(counter, this.count(counter) + amount);
  }

  observe(histogram: HistogramName, seconds: number): void {
    this.calls++;
    const observed = this.#observed.get(histogram);
    if (observed === undefined) this.#observed.set(histogram, [seconds]);
    else observed.push(seconds);
  }

  count(counter: CounterName): number {
    return this.#counts.get(counter) ?? 0;
  }

  /** What was observed, in seconds, in order. */
  observed(histogram: HistogramName): readonly number[] {
    return this.#observed.get(histogram) ?? [];
  }
}
