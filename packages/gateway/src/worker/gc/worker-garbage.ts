/**
 * A worker's garbage: the collection timer joined to V8, the event loop and the primary.
 */
import { getHeapStatistics } from "node:v8";
import type { Clock } from "@holdfast/core";
import { LINK_SHARES } from "../../link/link.js";
import { GarbageEstimate } from "./garbage-estimate.js";
import { fullCollection, GcTimer, type SkipReason } from "./gc-timer.js";
import type { LoopMonitor } from "./loop-monitor.js";

export interface WorkerGarbageOptions {
  readonly clock: Clock;
  /** Time between collections, ms; undefined: they are left to V8. */
  readonly gcIntervalMs: number | undefined;
}

export interface WorkerGarbageParts {
  /** To the primary. */
  readonly send: (message: { readonly type: "gc-wish" | "gc-done" }, share: number) => unknown;
  /** Sockets that the worker holds. */
  readonly sockets: () => number;
  /** Told of each collection that was left out. */
  readonly skipped: (reason: SkipReason) => void;
}

/** Undefined where collections are left to V8. */
export function startGcTimer(
  { clock, gcIntervalMs }: WorkerGarbageOptions,
  slot: number,
  loop: LoopMonitor,
  { send, sockets, skipped }: WorkerGarbageParts,
): GcTimer | undefined {
  if (gcIntervalMs === undefined) return undefined;
  const collect = fullCollection();
  const garbage = new GarbageEstimate(() => {
    const { used_heap_size, total_heap_size, external_memory } = getHeapStatistics();
    return {
      bytes: used_heap_size + external_memory,
      takenBytes: total_heap_size + external_memory,
      connections: sockets(),
    };
  });
  return new GcTimer({
    clock,
    intervalMs: gcIntervalMs,
    slot,
    random: Math.random,
    takeUtilization: () => loop.takeUtilization(),
    isWorthIt: () => garbage.isWorthIt,
    skipped,
    wish: () => send({ type: "gc-wish" }, LINK_SHARES.urgent),
    collect: () => {
      collect();
      garbage.collected();
    },
    done: () => send({ type: "gc-done" }, LINK_SHARES.urgent),
  });
}
