/**
 * The last hour of an instance, kept by the browser for the charts: one point for each overview.
 *
 * Invariant: at most `MAX_POINTS` points; the oldest leaves first.
 */
import type { OverviewAnswer } from "./answers.js";
import { most, type Rates, total } from "./rates.js";

/** A point a second for an hour. */
export const MAX_POINTS = 3600;

/** What the charts show. */
export const SERIES = Object.freeze([
  "connections",
  "deliveries",
  "publications",
  "loopDelayMs",
  "dropped",
  "gaps",
  "gcPercent",
  "topics",
  "rssMiB",
] as const);

export type SeriesName = (typeof SERIES)[number];

export type HourPoint = Readonly<Record<SeriesName, number>> & {
  /** s since 1970. */
  readonly at: number;
};

export function pointOf(overview: OverviewAnswer, rates: Rates): HourPoint {
  return {
    at: overview.at / 1000,
    connections: total(overview, ({ connections }) => connections),
    deliveries: rates.deliveries ?? 0,
    publications: rates.publications ?? 0,
    loopDelayMs: most(overview, ({ loopDelayMs }) => loopDelayMs),
    dropped: (rates.fanout_dropped ?? 0) + (rates.publications_skipped ?? 0),
    gaps: rates.gaps ?? 0,
    gcPercent: ((rates.gc ?? 0) * 100) / Math.max(1, overview.workers.length),
    topics: total(overview, ({ topics }) => topics),
    rssMiB: total(overview, ({ rssBytes }) => rssBytes) / 1_048_576,
  };
}

export class LastHour {
  readonly #points: HourPoint[] = [];

  add(point: HourPoint): void {
    const last = this.#points.at(-1);
    // Times only grow, as the charts need it.
    if (last !== undefined && point.at <= last.at) return;
    this.#points.push(point);
    if (this.#points.length > MAX_POINTS) this.#points.shift();
  }

  get size(): number {
    return this.#points.length;
  }

  /** The latest ones, the oldest of them first. */
  newest(count: number): readonly HourPoint[] {
    return this.#points.slice(-count);
  }

  /** Times and values, as the charts take them. */
  series(name: SeriesName): [times: number[], values: number[]] {
    return [this.#points.map(({ at }) => at), this.#points.map((point) => point[name])];
  }
}
