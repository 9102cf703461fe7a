/**
 * Collects the metrics of all workers over their links.
 *
 * Invariant: a collection ends when every worker has answered, is gone, or after `COLLECT_TIMEOUT_MS`, with what came
 * until then: a worker that is stuck must not make the others invisible.
 */
import type { Clock } from "@holdfast/core";
import type { MetricsSnapshot } from "../metrics.js";
import type { WorkerProcess } from "./worker-process.js";

const COLLECT_TIMEOUT_MS = 2000;

interface Collection {
  readonly missing: Set<WorkerProcess>;
  readonly snapshots: MetricsSnapshot[];
  readonly finish: () => void;
}

export class MetricsCollector {
  readonly #clock: Clock;
  readonly #collections = new Map<number, Collection>();
  #lastId = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  collect(workers: readonly WorkerProcess[]): Promise<readonly MetricsSnapshot[]> {
    if (workers.length === 0) return Promise.resolve([]);
    const id = ++this.#lastId;
    const snapshots: MetricsSnapshot[] = [];
    return new Promise((resolve) => {
      const finish = (): void => {
        overdue.cancel();
        this.#collections.delete(id);
        resolve(snapshots);
      };
      const overdue = this.#clock.after(COLLECT_TIMEOUT_MS, finish);
      this.#collections.set(id, { missing: new Set(workers), snapshots, finish });
      for (const worker of workers) worker.send({ type: "collect-metrics", id });
    });
  }

  received(worker: WorkerProcess, id: number, snapshot: MetricsSnapshot): void {
    const collection = this.#collections.get(id);
    if (!collection?.missing.delete(worker)) return;
    collection.snapshots.push(snapshot);
    if (collection.missing.size === 0) collection.finish();
  }

  /** The worker will not answer any more. */
  gone(worker: WorkerProcess): void {
    for (const { missing, finish } of this.#collections.values()) {
      if (missing.delete(worker) && missing.size === 0) finish();
    }
  }
}
