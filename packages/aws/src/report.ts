/**
 * What an instance reports of itself each minute, by the names that the kit's policies and alarms use.
 *
 * Invariant: counters are reported as their growth since the last report; the first report has none.
 */
import { AGENT, type AgentMetric } from "@holdfast/platform";
import type { MachineCounters } from "./machine-counters.js";
import { samplesOf, valuesOf } from "./prometheus-text.js";

export interface Datum {
  readonly metric: AgentMetric;
  readonly value: number;
}

/** Of the gateway, from the text of its /metrics. Nothing where the text says nothing. */
export function gatewayData(metricsText: string): readonly Datum[] {
  const samples = samplesOf(metricsText);
  const { connections, free, loopDelay, draining } = AGENT.metrics;
  const open = valuesOf(samples, "holdfast_connections");
  if (open.length === 0) return [];
  const held = open.reduce((sum, value) => sum + value, 0);
  const [most] = valuesOf(samples, "holdfast_connections_limit");
  const delays = valuesOf(samples, "holdfast_event_loop_delay_seconds", { quantile: "0.99" });
  const [serving] = valuesOf(samples, "holdfast_drain_state", { state: "serving" });
  return [
    { metric: connections, value: held },
    ...(most === undefined ? [] : [{ metric: free, value: Math.max(0, most - held) }]),
    ...(delays.length === 0 ? [] : [{ metric: loopDelay, value: 1000 * Math.max(...delays) }]),
    ...(serving === undefined ? [] : [{ metric: draining, value: serving === 1 ? 0 : 1 }]),
  ];
}

/** Of the machine: levels as they are, counters by their growth since `before`. */
export function machineData(now: MachineCounters, before: MachineCounters | undefined): readonly Datum[] {
  const { metrics } = AGENT;
  const level = (metric: AgentMetric, value: number | undefined): readonly Datum[] =>
    value === undefined ? [] : [{ metric, value }];
  const growth = (metric: AgentMetric, key: keyof MachineCounters): readonly Datum[] => {
    const [last, next] = [before?.[key], now[key]];
    if (last === undefined || next === undefined) return [];
    // A counter that fell belongs to an interface that began anew.
    return [{ metric, value: next >= last ? next - last : next }];
  };
  return [
    ...level(metrics.conntrackUsed, now.conntrackUsedPercent),
    ...level(metrics.conntrackAvailable, now.conntrackAllowanceAvailable),
    ...growth(metrics.conntrackExceeded, "conntrackAllowanceExceeded"),
    ...growth(metrics.ppsExceeded, "ppsAllowanceExceeded"),
    ...growth(metrics.bandwidthInExceeded, "bandwidthInAllowanceExceeded"),
    ...growth(metrics.bandwidthOutExceeded, "bandwidthOutAllowanceExceeded"),
  ];
}

/**
 * The report as one line in CloudWatch's embedded metric format, for a log that goes to CloudWatch.
 * Source: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring, "Embedded metric format specification".
 */
export function embeddedMetrics(data: readonly Datum[], group: string, timestamp: number): string {
  return JSON.stringify({
    _aws: {
      Timestamp: timestamp,
      CloudWatchMetrics: [
        {
          Namespace: AGENT.namespace,
          Dimensions: [[AGENT.dimension]],
          Metrics: data.map(({ metric }) => ({ Name: metric.name, Unit: metric.unit })),
        },
      ],
    },
    [AGENT.dimension]: group,
    ...Object.fromEntries(data.map(({ metric, value }) => [metric.name, value])),
  });
}
