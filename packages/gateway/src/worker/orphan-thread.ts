/**
 * A thread of a worker's process that ends the process when the primary is gone and the process did not end
 * by itself.
 *
 * A worker ends when its link closes, but only where its event loop still turns: an endless loop or a write
 * that never returns would keep the process, its clients and, in direct mode, its share of the port. A thread
 * has a loop of its own. Invariant: a worker is killed only after another process has become its parent,
 * which happens when the primary ends.
 */
import { workerData } from "node:worker_threads";

/** How often the parent is looked at, ms. */
const LOOK_MS = 1_000;

/** `graceMs`: what a worker has to end by itself. */
export interface OrphanThreadData {
  readonly primary: number;
  readonly graceMs: number;
}

const { primary, graceMs } = workerData as OrphanThreadData;

const looks = setInterval(() => {
  if (process.ppid === primary) return;
  clearInterval(looks);
  setTimeout(() => process.kill(process.pid, "SIGKILL"), graceMs);
}, LOOK_MS);
