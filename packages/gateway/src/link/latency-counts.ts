/**
 * Latency counts: durations by how long they took, as viewers of the dashboard see them. Counts only grow.
 *
 * Beside the histograms of the metrics, whose numbers are text for Prometheus and cost a scrape. Invariants:
 * adding costs no object; an array of counts has one place more than there are bounds, for what is above all.
 */

/** Upper bounds, seconds: from 0.1 ms to 10 s. */
export const LATENCY_BOUNDS: readonly number[] = Object.freeze([
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]);

export class LatencyCounts {
  readonly #counts: number[] = new Array<number>(LATENCY_BOUNDS.length + 1).fill(0);

  add(seconds: number): void {
    let place = 0;
    while (place < LATENCY_BOUNDS.length && seconds > (LATENCY_BOUNDS[place] ?? 0)) place++;
    this.#counts[place] = (this.#counts[place] ?? 0) + 1;
  }

  /** A copy: how many took at most as long as each bound and longer than the one before; the rest. */
  read(): readonly number[] {
    return [...this.#counts];
  }
}

/** What is counted. */
export interface Latencies {
  /** From a canary's publication to a worker that heard it; all zero where the canary is off. */
  readonly delivery: readonly number[];
  /** The largest delay of an event loop in each load interval. */
  readonly loop: readonly number[];
  /** Each garbage collection. */
  readonly gc: readonly number[];
}

const NONE: readonly number[] = Object.freeze(new Array<number>(LATENCY_BOUNDS.length + 1).fill(0));

/** Those of several workers together. */
export function sumLatencies(all: readonly Latencies[]): Latencies {
  const sum = (of: keyof Latencies): readonly number[] =>
    all.reduce((sums, each) => sums.map((count, place) => count + (each[of][place] ?? 0)), NONE);
  return { delivery: sum("delivery"), loop: sum("loop"), gc: sum("gc") };
}
