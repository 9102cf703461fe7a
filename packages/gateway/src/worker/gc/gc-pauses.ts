/**
 * Watches every garbage collection of the process, forced or V8's own.
 */

import { constants, PerformanceObserver } from "node:perf_hooks";
import type { GcKind } from "../../link/metrics.js";

/** Calls `observe` with the kind and the length of each, soon after. The returned function stops it. */
export function watchGcPauses(observe: (kind: GcKind, seconds: number) => void): () => void {
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      observe(kindOf((entry as { detail?: { kind?: number } }).detail?.kind), entry.duration / 1000);
    }
  });
  observer.observe({ entryTypes: ["gc"] });
  return () => observer.disconnect();
}

function kindOf(kind: number | undefined): GcKind {
  switch (kind) {
    case constants.NODE_PERFORMANCE_GC_MINOR:
      return "minor";
    case constants.NODE_PERFORMANCE_GC_MAJOR:
      return "major";
    case constants.NODE_PERFORMANCE_GC_INCREMENTAL:
      return "incremental";
    case constants.NODE_PERFORMANCE_GC_WEAKCB:
      return "weak_callbacks";
    default:
      return "other";
  }
}
