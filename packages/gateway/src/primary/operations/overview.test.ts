import { describe, expect, it } from "@jest/globals";
import type { WorkerReport } from "../../link/worker-report.js";
import { SERVING } from "./instance-drain.js";
import { OverviewMaker } from "./overview.js";

const INSTANCE = {
  version: "1.0.0",
  node: "v20.0.0",
  startedAt: 5,
  ready: true,
  problems: [],
  maxConnections: 100,
  pending: 0,
  drain: SERVING,
  reloadLeft: 0,
};

function maker(reports: () => Promise<readonly WorkerReport[]>) {
  const time = { ms: 0 };
  const known = { state: "ready", sockets: 3, connections: 2, loopDelayMs: 1 };
  const made = new OverviewMaker(
    {
      workers: () => [
        { slot: 0, pid: 10, ...known },
        { slot: 1, pid: 11, ...known },
      ],
      reports,
      instance: () => INSTANCE,
    },
    { now: () => 1000 + time.ms, monotonic: () => time.ms },
  );
  return { made, time };
}

describe("the overview", () => {
  it("joins what the primary knows with the reports of the workers that answered", async () => {
    const counted = { kind: "ended", code: "expired", at: 5, times: 2, entries: 1 } as const;
    const joined = {
      incidents: [counted],
      latencies: { delivery: [1, 2], loop: [0, 3], gc: [0, 0] },
    };
    const { made } = maker(async () => [
      { slot: 0, pid: 10, rssBytes: 77, connections: 9, ...joined } as unknown as WorkerReport,
      { slot: 9, pid: 99, ...joined } as unknown as WorkerReport,
    ]);
    const { workers, at, ready, latencies, incidents } = await made.take();
    expect({ at, ready }).toEqual({ at: 1000, ready: true });
    expect(latencies.delivery.slice(0, 3)).toEqual([2, 4, 0]);
    expect(latencies.bounds).toHaveLength(latencies.loop.length - 1);
    expect(incidents).toEqual([{ ...counted, times: 4, entries: 2 }]);
    expect(workers).toEqual([
      { slot: 0, pid: 10, state: "ready", sockets: 3, connections: 2, loopDelayMs: 1, rssBytes: 77 },
      { slot: 1, pid: 11, state: "ready", sockets: 3, connections: 2, loopDelayMs: 1 },
    ]);
  });

  it("asks the workers once for viewers that ask at the same time, and again later", async () => {
    let asked = 0;
    const { made, time } = maker(async () => {
      asked++;
      return [];
    });
    await Promise.all([made.take(), made.take(), made.take()]);
    time.ms = 499;
    await made.take();
    expect(asked).toBe(1);
    time.ms = 500;
    await made.take();
    expect(asked).toBe(2);
  });
});
