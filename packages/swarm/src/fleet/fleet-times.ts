/**
 * Times that agents report, merged as histograms: of the whole run, of the present step, and those since they
 * were last taken.
 *
 * Invariant: a quantile is that of all values of all agents; no quantile is made of other quantiles.
 */
import { Histogram, type SparseHistogram } from "../histogram.js";

export class FleetTimes {
  readonly all = new Histogram();
  /** Since the last `beginStep`. */
  readonly step = new Histogram();
  readonly #new = new Histogram();

  note(sparse: SparseHistogram): void {
    this.all.merge(sparse);
    this.step.merge(sparse);
    this.#new.merge(sparse);
  }

  beginStep(): void {
    this.step.clear();
  }

  /** Those since the last call. */
  take(): Histogram {
    const histogram = new Histogram();
    histogram.merge(this.#new.toSparse());
    this.#new.clear();
    return histogram;
  }
}
