/**
 * Rates: what two overviews say about the time between them.
 *
 * Pure. A worker counts from zero when it starts, so that only those are compared that are the same process
 * in both. Invariant: no rate is negative.
 */
import type { OverviewAnswer, WorkerAnswer } from "./answers.js";

/** By name of the counter, a second; `gc`: seconds of garbage collection a second. */
export type Rates = Readonly<Record<string, number>>;

/** Empty where the two have the same time, or the order is wrong. */
export function ratesOf(before: OverviewAnswer | undefined, after: OverviewAnswer): Rates {
  const seconds = before === undefined ? 0 : (after.at - before.at) / 1000;
  if (before === undefined || seconds <= 0) return {};
  const known = new Map(before.workers.map((worker) => [worker.pid, worker]));
  const sums: Record<string, number> = {};
  for (const worker of after.workers) {
    const earlier = known.get(worker.pid);
    if (earlier !== undefined) addGrowth(sums, earlier, worker);
  }
  return Object.fromEntries(Object.entries(sums).map(([name, grown]) => [name, grown / seconds]));
}

/** The same of one worker. */
export function workerRates(before: OverviewAnswer | undefined, after: OverviewAnswer, pid: number): Rates {
  return ratesOf(before, { ...after, workers: after.workers.filter((worker) => worker.pid === pid) });
}

function addGrowth(sums: Record<string, number>, before: WorkerAnswer, after: WorkerAnswer): void {
  // A worker that did not answer in time has no counters.
  if (before.counters === undefined || after.counters === undefined) return;
  for (const [name, count] of Object.entries(after.counters))
    sums[name] = (sums[name] ?? 0) + Math.max(0, count - (before.counters[name] ?? count));
  const gc = (after.gcSeconds ?? 0) - (before.gcSeconds ?? after.gcSeconds ?? 0);
  sums.gc = (sums.gc ?? 0) + Math.max(0, gc);
}

/** What all workers have of something. */
export function total({ workers }: OverviewAnswer, of: (worker: WorkerAnswer) => number | undefined): number {
  return workers.reduce((sum, worker) => sum + (of(worker) ?? 0), 0);
}

/** The largest of it. */
export function most({ workers }: OverviewAnswer, of: (worker: WorkerAnswer) => number | undefined): number {
  return workers.reduce((largest, worker) => Math.max(largest, of(worker) ?? 0), 0);
}
