/**
 * The end of one worker that others outlive or that goes with its instance: no new sockets, the close
 * messages, the process.
 *
 * Invariant: it resolves when the process is gone, at the latest `KILL_GRACE_MS` after the window.
 */
import type { Clock, DrainOptions, Logger } from "@holdfast/core";
import type { WorkerProcess } from "./worker-process.js";

/**
 * Beyond the window, the time that close messages, closing handshakes and a busy loop may take before the
 * worker is killed.
 */
export const KILL_GRACE_MS = 10_000;
/**
 * How long sockets may take that are on their way to the worker, ms: one that comes after the drain is turned
 * away.
 */
const UNDER_WAY_MS = 1_000;
const UNDER_WAY_CHECK_MS = 20;

/** One that is not ready is killed at once; one that drains already goes on doing so. */
export async function drainWorker(
  worker: WorkerProcess,
  options: DrainOptions,
  clock: Clock,
  logger: Logger,
): Promise<void> {
  if (worker.state === "starting") worker.kill();
  const overdue = clock.after(options.windowMs + KILL_GRACE_MS, () => {
    logger.warn({ worker: worker.owner.slot }, "worker did not drain in time; killing it");
    worker.kill();
  });
  if (worker.state === "ready") {
    // From here on the router passes it by.
    worker.enter("draining");
    if (worker.queue.waiting > 0) await untilTaken(worker, clock);
    worker.send({ type: "drain", ...options });
  }
  await worker.closed;
  overdue.cancel();
}

/** Resolves when the worker has what was sent to it, or has taken too long. */
function untilTaken(worker: WorkerProcess, clock: Clock): Promise<void> {
  const since = clock.monotonic();
  return new Promise((resolve) => {
    const check = clock.every(UNDER_WAY_CHECK_MS, () => {
      if (worker.queue.waiting > 0 && clock.monotonic() - since < UNDER_WAY_MS) return;
      check.cancel();
      resolve();
    });
  });
}
