/**
 * The workers of a supervisor that take sockets. Invariant: one that starts or drains is none of them.
 */
import type { Supervisor } from "./supervisor.js";
import type { WorkerProcess } from "./worker-process.js";

export function readyOf({ workers }: Pick<Supervisor, "workers">): readonly WorkerProcess[] {
  return workers.filter((worker) => worker.state === "ready");
}
