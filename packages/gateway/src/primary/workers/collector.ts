/**
 * A collector: asks all workers the same over their links and gathers what they answer.
 *
 * Invariant: a collection ends when every worker has answered, is gone, or after `COLLECT_TIMEOUT_MS`, with
 * what came until then: a worker that is stuck must not make the others invisible.
 */
import type { Clock } from "@holdfast/core";
import type { ToWorker } from "../../link/messages.js";
import type { WorkerProcess } from "./worker-process.js";

const COLLECT_TIMEOUT_MS = 2000;

interface Collection<Answer> {
  readonly missing: Set<WorkerProcess>;
  readonly answers: Answer[];
  readonly finish: () => void;
}

export class Collector<Answer> {
  readonly #clock: Clock;
  readonly #collections = new Map<number, Collection<Answer>>();
  #lastId = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `question` makes the message; its answer has to carry the same id. */
  collect(workers: readonly WorkerProcess[], question: (id: number) => ToWorker): Promise<readonly Answer[]> {
    if (workers.length === 0) return Promise.resolve([]);
    const id = ++this.#lastId;
    const answers: Answer[] = [];
    return new Promise((resolve) => {
      const finish = (): void => {
        overdue.cancel();
        this.#collections.delete(id);
        resolve(answers);
      };
      const overdue = this.#clock.after(COLLECT_TIMEOUT_MS, finish);
      this.#collections.set(id, { missing: new Set(workers), answers, finish });
      for (const worker of workers) worker.send(question(id));
    });
  }

  received(worker: WorkerProcess, id: number, answer: Answer): void {
    const collection = this.#collections.get(id);
    if (!collection?.missing.delete(worker)) return;
    collection.answers.push(answer);
    if (collection.missing.size === 0) collection.finish();
  }

  /** The worker will not answer any more. */
  gone(worker: WorkerProcess): void {
    for (const { missing, finish } of this.#collections.values()) {
      if (missing.delete(worker) && missing.size === 0) finish();
    }
  }
}
