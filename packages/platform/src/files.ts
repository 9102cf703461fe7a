/**
 * Open files: a connection is one file of its worker.
 *
 * The formula is the gateway's own (packages/cli/src/machine/capacity.ts); a test compares the two.
 */
import { GATEWAY } from "./limits/gateway.js";

/** Files that each of `workers` processes needs for so many connections of the instance. */
export function openFilesNeeded(connections: number, workers: number): number {
  return Math.ceil((connections * spread(workers)) / workers) + GATEWAY.reservedFiles.value;
}

/** Connections that `workers` processes with so many files each can hold, at least 1. */
export function connectionsByFiles(openFiles: number, workers: number): number {
  const usable = Math.max(0, openFiles - GATEWAY.reservedFiles.value);
  return Math.max(1, Math.floor((usable * workers) / spread(workers)));
}

/** One worker has everything: nothing to spread. */
function spread(workers: number): number {
  return workers === 1 ? 1 : GATEWAY.spread.value;
}
