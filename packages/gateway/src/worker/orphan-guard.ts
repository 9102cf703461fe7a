/**
 * The guard against a worker that outlives its primary: starts the thread of `orphan-thread.ts` (ADR 0030).
 *
 * Invariant: where no thread can be had, the worker serves without a guard.
 */
import { Worker as Thread } from "node:worker_threads";
import type { OrphanThreadData } from "./orphan-thread.js";

/** How long a worker may take to end after its primary is gone, ms: more than its last words need. */
const ORPHAN_GRACE_MS = 4_000;

/** Bounds of a thread that holds next to nothing. */
const RESOURCE_LIMITS = Object.freeze({
  maxOldGenerationSizeMb: 8,
  maxYoungGenerationSizeMb: 1,
  codeRangeSizeMb: 4,
  stackSizeMb: 1,
});

/** `missed` is told why there is no guard. */
export function guardOrphan(missed: (problem: unknown) => void): void {
  const workerData: OrphanThreadData = { primary: process.ppid, graceMs: ORPHAN_GRACE_MS };
  try {
    const thread = new Thread(new URL("./orphan-thread.js", import.meta.url), {
      workerData,
      // Without what NODE_OPTIONS loads into this process.
      execArgv: [],
      env: {},
      resourceLimits: RESOURCE_LIMITS,
    });
    // Out of threads or memory.
    thread.on("error", missed);
    thread.unref();
  } catch (problem) {
    missed(problem);
  }
}
