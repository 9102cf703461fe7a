/**
 * A scrape: the numbers of all workers and of the primary, as one answer in Prometheus' format.
 *
 * A worker that does not answer in time is left out (collector.ts).
 */
import type { Clock } from "@holdfast/core";
import { type MetricsSnapshot, mergeSnapshots, withoutProcessGauges } from "../../link/metrics.js";
import { Collector } from "../workers/collector.js";
import type { WorkerProcess } from "../workers/worker-process.js";

export interface Scraped {
  /** Those that are alive. */
  workers(): readonly WorkerProcess[];
  /** Whether it has its slot's place: the numbers of two processes of a slot would be taken for one's. */
  isPlaced(worker: WorkerProcess): boolean;
  /** The primary's own. */
  own(): Promise<MetricsSnapshot>;
}

export class Scrape {
  readonly #scraped: Scraped;
  readonly #snapshots: Collector<MetricsSnapshot>;

  constructor(scraped: Scraped, clock: Clock) {
    this.#scraped = scraped;
    this.#snapshots = new Collector(clock);
  }

  async text(): Promise<string> {
    const answering = this.#scraped
      .workers()
      .filter(({ state }) => state === "ready" || state === "draining");
    const ofWorkers: readonly MetricsSnapshot[] = await this.#snapshots.collect(answering, (id) => ({
      type: "collect-metrics",
      id,
    }));
    return mergeSnapshots([...ofWorkers, await this.#scraped.own()]);
  }

  received(worker: WorkerProcess, id: number, snapshot: MetricsSnapshot): void {
    const counted = this.#scraped.isPlaced(worker) ? snapshot : withoutProcessGauges(snapshot);
    this.#snapshots.received(worker, id, counted);
  }

  /** The worker will not answer any more. */
  gone(worker: WorkerProcess): void {
    this.#snapshots.gone(worker);
  }
}
