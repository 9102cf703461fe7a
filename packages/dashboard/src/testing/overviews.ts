/**
 * Overviews for tests: an instance that is well, with one worker, and what a test changes of it.
 */
import type { OverviewAnswer, WorkerAnswer } from "../data/answers.js";

export function worker(changes: Partial<WorkerAnswer> = {}): WorkerAnswer {
  const { counters, ...rest } = changes;
  return {
    slot: 0,
    pid: 100,
    state: "ready",
    sockets: 2,
    connections: 2,
    loopDelayMs: 1,
    broker: "ready",
    gcSeconds: 0,
    rssBytes: 1_048_576,
    counters: { deliveries: 0, ...counters },
    ...rest,
  };
}

export function overview(changes: Partial<OverviewAnswer> = {}): OverviewAnswer {
  return {
    at: 1_000_000,
    version: "0.1.0",
    node: "v20.19.0",
    startedAt: 0,
    ready: true,
    problems: [],
    maxConnections: 100,
    pending: 0,
    drain: { state: "serving", left: 0, total: 0, startedAt: null, deadline: null },
    reloadLeft: 0,
    latencies: { bounds: [0.001, 0.01], delivery: [0, 0, 0], loop: [0, 0, 0], gc: [0, 0, 0] },
    incidents: [],
    workers: [worker()],
    ...changes,
  };
}
