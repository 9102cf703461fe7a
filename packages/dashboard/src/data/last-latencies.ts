/**
 * The counts of latencies of the last five minutes: one for each ten seconds, of which the oldest is what
 * the histograms begin with.
 *
 * Invariant: at most `MAX_KEPT` counts; the oldest leaves first.
 */
import type { LatenciesAnswer, OverviewAnswer } from "./answers.js";

const STEP_MS = 10_000;
const MAX_KEPT = 31;

export class LastLatencies {
  readonly #kept: { readonly at: number; readonly latencies: LatenciesAnswer }[] = [];

  add({ at, latencies }: Pick<OverviewAnswer, "at" | "latencies">): void {
    const last = this.#kept.at(-1);
    if (last !== undefined && at < last.at + STEP_MS) return;
    this.#kept.push({ at, latencies });
    if (this.#kept.length > MAX_KEPT) this.#kept.shift();
  }

  /** Undefined before the second: what was counted before the page was opened is then better than nothing. */
  get oldest(): LatenciesAnswer | undefined {
    return this.#kept.length < 2 ? undefined : this.#kept[0]?.latencies;
  }
}
