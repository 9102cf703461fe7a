/**
 * Snapshots of metrics: what one process says of its numbers, and how those of all processes become one text.
 *
 * A snapshot is a registry as JSON, so that it travels on the link. Counters and histograms add up. Gauges
 * that mean one process (memory, delay, the broker as seen from there) carry the worker's slot as a label,
 * because their sum would be a lie.
 */
import { AggregatorRegistry, type Registry } from "prom-client";

/** A registry as JSON. Survives `JSON.stringify`. */
export type MetricsSnapshot = readonly {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator: string;
  readonly values: readonly {
    readonly value: number;
    readonly labels: Readonly<Record<string, string | number>>;
    readonly metricName?: string;
  }[];
}[];

export async function snapshotOf(registry: Registry): Promise<MetricsSnapshot> {
  return (await registry.getMetricsAsJSON()) as unknown as MetricsSnapshot;
}

/**
 * Without the gauges that mean one process and carry the slot as a label: for a process beside the one that
 * has the slot's place, whose numbers would be added to that one's.
 */
export function withoutProcessGauges(snapshot: MetricsSnapshot): MetricsSnapshot {
  return snapshot.filter(
    ({ type, values }) => type !== "gauge" || !values.some(({ labels }) => labels.worker !== undefined),
  );
}

/** The snapshots of all processes as one text in Prometheus' format. */
export function mergeSnapshots(snapshots: readonly MetricsSnapshot[]): Promise<string> {
  return AggregatorRegistry.aggregate([...snapshots]).metrics();
}
