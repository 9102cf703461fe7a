/**
 * The overview: an instance and its workers in one small answer, for operators who watch it live.
 *
 * However many viewers ask, the workers are asked at most once in `MIN_AGE_MS`, and many of them more
 * rarely, so that all together give at most ten reports a second; without a question, nothing is
 * computed. A worker that does not answer in time is listed with what the primary knows of it.
 */
import { type Clock, type IncidentCount, mergeIncidentCounts } from "@holdfast/core";
import { LATENCY_BOUNDS, type Latencies, sumLatencies } from "../../link/latency-counts.js";
import type { WorkerReport } from "../../link/worker-report.js";
import type { RebalanceReport } from "../rebalance/report.js";
import type { DrainProgress } from "./instance-drain.js";

/** A worker as viewers see it: its report without what is joined, and what the primary knows. */
export interface WorkerView extends Partial<Omit<WorkerReport, "latencies" | "incidents">> {
  readonly slot: number;
  readonly pid: number;
  readonly state: string;
  /** Sockets of any kind, those on their way included. */
  readonly sockets: number;
  readonly connections: number;
  /** Largest delay of its event loop as last reported, ms. */
  readonly loopDelayMs: number;
}

export interface Overview {
  /** When it was made, ms since 1970. */
  readonly at: number;
  readonly version: string;
  readonly node: string;
  /** ms since 1970. */
  readonly startedAt: number;
  readonly ready: boolean;
  /** Why it is not ready, one sentence each. */
  readonly problems: readonly string[];
  readonly maxConnections: number;
  /** Sockets at the front door. */
  readonly pending: number;
  readonly drain: DrainProgress;
  /** Workers that a reload has yet to replace. */
  readonly reloadLeft: number;
  /** What each instance of the cluster carries; undefined where there is no cluster. */
  readonly rebalance?: RebalanceReport | undefined;
  /** Those of all workers together, by the bounds, seconds. Fewer than before where a worker has ended. */
  readonly latencies: Latencies & { readonly bounds: readonly number[] };
  /** What went wrong for clients in the last five minutes, in all workers; what happened to most first. */
  readonly incidents: readonly IncidentCount[];
  readonly workers: readonly WorkerView[];
}

/** A worker as the primary knows it. */
export interface KnownWorker {
  readonly slot: number;
  readonly pid: number;
  readonly state: string;
  readonly sockets: number;
  readonly connections: number;
  readonly loopDelayMs: number;
}

/** What the overview asks of the instance. */
export interface OverviewSource {
  workers(): readonly KnownWorker[];
  reports(): Promise<readonly WorkerReport[]>;
  /** All but the time and what the workers say. */
  instance(): Omit<Overview, "at" | "workers" | "latencies" | "incidents">;
}

const MIN_AGE_MS = 500;
/** For each worker: 64 of them are asked each 6.4 s. */
const MIN_AGE_PER_WORKER_MS = 100;

export class OverviewMaker {
  readonly #source: OverviewSource;
  readonly #clock: Pick<Clock, "now" | "monotonic">;
  #last: Promise<Overview> | undefined;
  #madeAt = Number.NEGATIVE_INFINITY;

  constructor(source: OverviewSource, clock: Pick<Clock, "now" | "monotonic">) {
    this.#source = source;
    this.#clock = clock;
  }

  take(): Promise<Overview> {
    const now = this.#clock.monotonic();
    const minAgeMs = Math.max(MIN_AGE_MS, MIN_AGE_PER_WORKER_MS * this.#source.workers().length);
    if (this.#last === undefined || now - this.#madeAt >= minAgeMs) {
      this.#madeAt = now;
      this.#last = this.#make();
    }
    return this.#last;
  }

  async #make(): Promise<Overview> {
    const reports = await this.#source.reports();
    const rows = new Map(reports.map(({ latencies, incidents, ...row }) => [row.pid, row]));
    const workers = this.#source.workers().map((known) => ({ ...rows.get(known.pid), ...known }));
    return {
      at: this.#clock.now(),
      ...this.#source.instance(),
      latencies: { bounds: LATENCY_BOUNDS, ...sumLatencies(reports.map(({ latencies }) => latencies)) },
      incidents: mergeIncidentCounts(reports.map(({ incidents }) => incidents)),
      workers,
    };
  }
}
