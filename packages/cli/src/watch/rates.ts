/**
 * Rates of an instance and its workers, made of two overviews.
 *
 * Pure. Invariant: a worker that was not in the earlier overview, by its process id, has no rates, and the
 * totals are those of the workers that have.
 */
import type { Overview, ReportedCounter, WorkerView } from "@holdfast/gateway";

/** All of them a second. */
export interface GatewayRates {
  /** Commands of clients. */
  readonly commands: number;
  /** Publications that a worker got from the broker; of an instance, those of its workers together. */
  readonly publications: number;
  /** Frames written to subscribers. */
  readonly deliveries: number;
  readonly deliveredBytes: number;
  /** Publications left out: for a slow client, or because too much waited in the worker. */
  readonly drops: number;
  readonly gaps: number;
  /** Connections opened, and closed. */
  readonly opened: number;
  readonly closed: number;
  /** The share of time that garbage collections took, 0–1; of an instance, of the worker that has most. */
  readonly gcShare: number;
}

export interface OverviewRates {
  readonly total: GatewayRates;
  /** By process id. */
  readonly workers: ReadonlyMap<number, GatewayRates>;
}

const NONE: GatewayRates = Object.freeze({
  commands: 0,
  publications: 0,
  deliveries: 0,
  deliveredBytes: 0,
  drops: 0,
  gaps: 0,
  opened: 0,
  closed: 0,
  gcShare: 0,
});

/** Undefined where no time lies between the two, as when the gateway gave the same overview twice. */
export function ratesBetween(before: Overview, after: Overview): OverviewRates | undefined {
  const seconds = (after.at - before.at) / 1000;
  if (seconds <= 0) return undefined;
  const earlier = new Map(before.workers.map((worker) => [worker.pid, worker]));
  const workers = new Map<number, GatewayRates>();
  for (const worker of after.workers) {
    const rates = ratesOfWorker(earlier.get(worker.pid), worker, seconds);
    if (rates !== undefined) workers.set(worker.pid, rates);
  }
  return { total: [...workers.values()].reduce(added, NONE), workers };
}

function ratesOfWorker(
  before: WorkerView | undefined,
  after: WorkerView,
  seconds: number,
): GatewayRates | undefined {
  const [old, now] = [before?.counters, after.counters];
  if (old === undefined || now === undefined) return undefined;
  const rate = (...names: readonly ReportedCounter[]): number =>
    names.reduce((sum, name) => sum + Math.max(0, now[name] - old[name]), 0) / seconds;
  const gcSeconds = (after.gcSeconds ?? 0) - (before?.gcSeconds ?? 0);
  return {
    commands: rate("commands"),
    publications: rate("publications"),
    deliveries: rate("deliveries"),
    deliveredBytes: rate("delivered_bytes"),
    drops: rate("fanout_dropped", "publications_skipped"),
    gaps: rate("gaps"),
    opened: rate("connections_opened"),
    closed: rate("connections_closed"),
    gcShare: Math.min(1, Math.max(0, gcSeconds / seconds)),
  };
}

function added(a: GatewayRates, b: GatewayRates): GatewayRates {
  return {
    commands: a.commands + b.commands,
    publications: a.publications + b.publications,
    deliveries: a.deliveries + b.deliveries,
    deliveredBytes: a.deliveredBytes + b.deliveredBytes,
    drops: a.drops + b.drops,
    gaps: a.gaps + b.gaps,
    opened: a.opened + b.opened,
    closed: a.closed + b.closed,
    gcShare: Math.max(a.gcShare, b.gcShare),
  };
}

/** Connections of all workers together. */
export function connectionsOf({ workers }: Overview): number {
  return workers.reduce((sum, { connections }) => sum + connections, 0);
}

/** As one JSON value: the overview's rates, with `slot` and `pid` of each worker. */
export function ratesJson(overview: Overview, rates: OverviewRates | undefined): object {
  const workers = overview.workers.map(({ slot, pid }) => ({ slot, pid, ...rates?.workers.get(pid) }));
  return { ...rates?.total, workers };
}
