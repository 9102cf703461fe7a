/**
 * The program of a worker process. Its settings come from the primary over the link.
 */
import type { Tracing } from "@holdfast/core";
import { runWorker } from "@holdfast/gateway/worker";
import { type WorkerConfig, workerOptions } from "./compose.js";
import { giveUpClosedTerminals } from "./process/closed-terminals.js";

giveUpClosedTerminals();
runWorker(async (config, owner) => {
  const made = config as WorkerConfig;
  return workerOptions(made, owner, await tracingOf(made));
});

/** Loaded only where it is on. A primary of an earlier version knows no such setting. */
async function tracingOf({ settings: { tracing } }: WorkerConfig): Promise<Tracing | undefined> {
  if (tracing !== "otel") return undefined;
  const { loadTracing } = await import("./tracing/load-tracing.js");
  return loadTracing(tracing);
}
