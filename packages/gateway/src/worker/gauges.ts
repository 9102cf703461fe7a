/**
 * Gauges: what a worker holds and waits for now, read when its metrics are asked for.
 */
import type { Core } from "@holdfast/core";
import type { WorkerMetrics } from "../link/metrics.js";
import type { LoopMonitor } from "./gc/loop-monitor.js";
import type { WorkerOptions } from "./options.js";
import type { UnfinishedMessages } from "./sockets/unfinished-messages.js";

/** The readings of this moment; delays of the loop are those since the last call. */
export function workerGauges(
  { engine, logLinesLost, logLinesLimited }: WorkerOptions,
  core: Core,
  unfinished: UnfinishedMessages,
  loop: LoopMonitor,
): ReturnType<ConstructorParameters<typeof WorkerMetrics>[1]> {
  return {
    engine,
    connections: core.connections,
    subscriptions: core.subscriptions,
    subscriptionsBehind: core.subscriptionsBehind,
    topics: core.topics,
    presenceMembers: core.members,
    presenceViews: core.presenceViews,
    revocations: core.revocations,
    logLinesLost: logLinesLost(),
    logLinesLimited: logLinesLimited(),
    unfinishedBytes: unfinished.bytes,
    readsWaiting: core.readsWaiting,
    brokerState: core.brokerState,
    brokerApart: core.brokerApart,
    loop: loop.takeDelays(),
  };
}
