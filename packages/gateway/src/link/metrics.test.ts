import { describe, expect, it } from "@jest/globals";
import { WorkerMetrics } from "./metrics.js";
import { type MetricsSnapshot, mergeSnapshots } from "./metrics-snapshot.js";
import type { Readings } from "./worker-readings.js";

const READINGS: Readings = {
  connections: 3,
  subscriptions: 5,
  subscriptionsBehind: 1,
  topics: 2,
  presenceMembers: 3,
  presenceViews: 1,
  revocations: 2,
  logLinesLost: 3,
  logLinesLimited: 3,
  unfinishedBytes: 0,
  readsWaiting: 0,
  engine: "lean",
  brokerState: "ready",
  brokerApart: { history: "ready" },
  loop: { p50: 0.001, p99: 0.02, max: 0.3 },
};

async function overTheLink(metrics: WorkerMetrics): Promise<MetricsSnapshot> {
  return JSON.parse(JSON.stringify(await metrics.snapshot())) as MetricsSnapshot;
}

describe("metrics of several workers", () => {
  it("add up where a sum is true, and carry the worker where it is not", async () => {
    const workers = [new WorkerMetrics(0, () => READINGS), new WorkerMetrics(1, () => READINGS)];
    for (const metrics of workers) {
      metrics.add("commands", 2);
      metrics.add("commands", 5);
      metrics.observe("publish_seconds", 0.003);
      metrics.accepted(0.002);
      metrics.refused(403);
      metrics.gcPause("major", 0.04);
      await overTheLink(metrics); // a scrape changes nothing
    }
    const text = await mergeSnapshots(await Promise.all(workers.map(overTheLink)));
    const lines = text.split("\n");
    for (const line of [
      "holdfast_commands_total 14",
      "holdfast_deliveries_total 0",
      'holdfast_publish_seconds_bucket{le="0.0025"} 0',
      'holdfast_publish_seconds_bucket{le="0.005"} 2',
      'holdfast_publish_seconds_bucket{le="+Inf"} 2',
      "holdfast_publish_seconds_count 2",
      "holdfast_handshake_seconds_count 2",
      'holdfast_handshakes_refused_total{status="403"} 2',
      'holdfast_gc_pause_seconds_count{kind="major"} 2',
      "holdfast_connections 6",
      "holdfast_subscriptions 10",
      'holdfast_topics{worker="0"} 2',
      'holdfast_topics{worker="1"} 2',
      'holdfast_event_loop_delay_seconds{worker="1",quantile="0.99"} 0.02',
      'holdfast_broker_ready{worker="0"} 1',
    ]) {
      expect(lines).toContain(line);
    }
    expect(text).toMatch(/^holdfast_resident_memory_bytes\{worker="1"\} \d{7,}$/m);
    expect(text).toMatch(/^holdfast_build_info\{version="[\d.]+",node="v\d[^"]*",engine="lean"\} 1$/m);
  });

  it("are an empty text when there is no worker", async () => {
    expect((await mergeSnapshots([])).trim()).toBe("");
  });
});
