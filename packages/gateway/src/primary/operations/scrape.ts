/**
 * A scrape: the numbers of all workers and of the primary, as one answer in Prometheus' format.
 *
 * A worker that does not answer in time is left out (collector.ts). Invariant: at most one scrape is under
 * way. Requests that come meanwhile share the next one, so that many cost no more than one after the other.
 */
import type { Clock } from "@holdfast/core";
import { type MetricsSnapshot, mergeSnapshots, withoutProcessGauges } from "../../link/metrics-snapshot.js";
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
  #underWay: Promise<string> | undefined;
  #next: Promise<string> | undefined;

  constructor(scraped: Scraped, clock: Clock) {
    this.#scraped = scraped;
    this.#snapshots = new Collector(clock);
  }

  text(): Promise<string> {
    if (this.#underWay === undefined) return this.#begin();
    this.#next ??= this.#underWay.then(
      () => this.#begin(),
      () => this.#begin(),
    );
    return this.#next;
  }

  received(worker: WorkerProcess, id: number, snapshot: MetricsSnapshot): void {
    const counted = this.#scraped.isPlaced(worker) ? snapshot : withoutProcessGauges(snapshot);
    this.#snapshots.received(worker, id, counted);
  }

  /** The worker will not answer any more. */
  gone(worker: WorkerProcess): void {
    this.#snapshots.gone(worker);
  }

  #begin(): Promise<string> {
    this.#next = undefined;
    const scrape = this.#collect().finally(() => {
      if (this.#underWay === scrape) this.#underWay = undefined;
    });
    this.#underWay = scrape;
    return scrape;
  }

  async #collect(): Promise<string> {
    const answering = this.#scraped
      .workers()
      .filter(({ state }) => state === "ready" || state === "draining");
    const ofWorkers: readonly MetricsSnapshot[] = await this.#snapshots.collect(answering, (id) => ({
      type: "collect-metrics",
      id,
    }));
    return mergeSnapshots([...ofWorkers, await this.#scraped.own()]);
  }
}
