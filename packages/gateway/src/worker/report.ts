/**
 * Makes the worker's report for operators who watch it: what the parts of the worker know without a walk.
 */
import type { Core } from "@holdfast/core";
import type { WorkerMetrics } from "../link/metrics.js";
import type { WorkerReport } from "../link/worker-report.js";
import type { Canary } from "./canary/canary.js";
import type { LoopMonitor } from "./gc/loop-monitor.js";

/** Incidents that are counted as of late, ms. */
const LATELY_MS = 300_000;

/** What the report is of. */
export interface ReportedParts {
  readonly slot: number;
  readonly core: Core;
  readonly metrics: WorkerMetrics;
  readonly loop: LoopMonitor;
  /** Undefined where it is off. */
  readonly canary: Canary | undefined;
  /** ms since 1970. */
  readonly now: number;
}

export function workerReport({ slot, core, metrics, loop, canary, now }: ReportedParts): WorkerReport {
  const { rss, heapUsed, external } = process.memoryUsage();
  const { brokerDelayMs } = core;
  return {
    slot,
    pid: process.pid,
    connections: core.connections,
    topics: core.topics,
    detached: core.detached,
    members: core.members,
    subscriptionsBehind: core.subscriptionsBehind,
    readsWaiting: core.readsWaiting,
    broker: core.brokerState,
    ...(brokerDelayMs !== undefined && { brokerDelayMs: Math.round(brokerDelayMs) }),
    ...(canary !== undefined && { canary: canary.report() }),
    incidents: core.incidents.lately(now - LATELY_MS),
    rssBytes: rss,
    heapBytes: heapUsed,
    externalBytes: external,
    utilization: thousandths(loop.takeReportedUtilization()),
    ...metrics.reported(),
  };
}

/** Digits beyond that mean nothing to a viewer, and do not compress. */
function thousandths(value: number): number {
  return Math.round(value * 1000) / 1000;
}
