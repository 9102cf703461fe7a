/**
 * The contract between the agent on an instance and the scaling policies and alarms of the AWS kit.
 *
 * A policy whose namespace, dimension or name differs from what is published never acts and says nothing,
 * so both sides take them from here. Each instance publishes its own value; the group's statistic is the
 * average, which falls when an instance is added, as target tracking demands.
 */

export interface AgentMetric {
  readonly name: string;
  readonly unit: "Count" | "Milliseconds" | "Percent";
  readonly meaning: string;
}

function metric(name: string, unit: AgentMetric["unit"], meaning: string): AgentMetric {
  return Object.freeze({ name, unit, meaning });
}

export const AGENT = Object.freeze({
  namespace: "Holdfast",
  dimension: "AutoScalingGroupName",
  intervalSeconds: 60,
  metrics: Object.freeze({
    connections: metric("Connections", "Count", "Open connections of the instance."),
    free: metric("FreeConnections", "Count", "Connections that it still takes."),
    loopDelay: metric("LoopDelayP99", "Milliseconds", "Event-loop delay of its worst worker, p99."),
    draining: metric("Draining", "Count", "1 while it sends its clients away."),
    conntrackUsed: metric("ConntrackUsedPercent", "Percent", "Of the kernel's table, where it is loaded."),
    conntrackAvailable: metric(
      "ConntrackAllowanceAvailable",
      "Count",
      "Connections that the network interface can still track.",
    ),
    conntrackExceeded: metric(
      "ConntrackAllowanceExceeded",
      "Count",
      "Packets dropped because the interface tracks too many connections.",
    ),
    ppsExceeded: metric("PpsAllowanceExceeded", "Count", "Packets queued or dropped by the packet rate."),
    bandwidthInExceeded: metric("BandwidthInAllowanceExceeded", "Count", "The same, inbound bandwidth."),
    bandwidthOutExceeded: metric("BandwidthOutAllowanceExceeded", "Count", "The same, outbound bandwidth."),
  }),
});
