/**
 * What viewers cost, counted in questions and bytes: nothing without a viewer, and with some no more than
 * with one.
 */
import { gunzipSync } from "node:zlib";
import { MemoryBroker, MemoryBus } from "@holdfast/core";
import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import { ZippedAnswers } from "../../http/zipped-answers.js";
import { LATENCY_BOUNDS } from "../../link/latency-counts.js";
import type { ToWorker, WorkerQuestion } from "../../link/messages.js";
import { REPORTED, type WorkerReport } from "../../link/worker-report.js";
import type { WorkerProcess } from "../workers/worker-process.js";
import { Inspection } from "./inspection.js";
import { SERVING } from "./instance-drain.js";
import { Viewing } from "./viewing.js";

const WORKERS = 64;
const HOUR_MS = 3_600_000;
/** What the issue allows a viewer, bytes a second. */
const BUDGET = 20_000;
/** Status line and headers of an answer, and the request for it. */
const HEADS = 1_200;

/** Numbers as they are after days of work: many digits, no two alike. */
function reportOf(slot: number, second: number): WorkerReport {
  let seed = slot * 7_919 + second * 104_729 + 1;
  const random = (max: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * max);
  };
  const counts = (): number[] => LATENCY_BOUNDS.map(() => random(1e7)).concat(random(1e7));
  return {
    slot,
    pid: 100_000 + random(1e6),
    connections: 15_000 + random(1_000),
    topics: random(1e5),
    detached: random(1e4),
    members: random(1e5),
    subscriptionsBehind: random(1_000),
    readsWaiting: random(100),
    broker: "ready",
    brokerDelayMs: random(50),
    canary: { instances: 20, intervalMs: 5_000, silentMs: random(5_000) },
    latencies: { delivery: counts(), loop: counts(), gc: counts() },
    incidents: Array.from({ length: 8 }, (_, each) => ({
      kind: "refused" as const,
      code: `code_number_${each}`,
      at: 1.7e12 + random(1e9),
      times: random(1e6),
      entries: random(500),
    })),
    rssBytes: 4e8 + random(1e8),
    heapBytes: 2e8 + random(1e8),
    externalBytes: random(1e8),
    utilization: random(1e3) / 1e3,
    gcSeconds: random(1e8) / 1e3,
    counters: Object.fromEntries(REPORTED.map((name) => [name, random(1e10)])) as WorkerReport["counters"],
  };
}

/** An instance whose workers answer at once, and count what they are asked. */
function setUp() {
  const clock = new FakeClock();
  const asked: WorkerQuestion["of"][] = [];
  const workers: WorkerProcess[] = [];
  const inspection = new Inspection(clock, () => workers);
  for (let slot = 0; slot < WORKERS; slot++) {
    const worker = {
      owner: { slot },
      process: { process: { pid: reportOf(slot, 0).pid } },
      state: "ready",
      sockets: 15_500,
      clients: 15_400,
      load: { loopDelayMs: 3 },
      send(message: ToWorker): boolean {
        if (message.type !== "inspect") throw new Error(`asked for ${message.type}`);
        asked.push(message.question.of);
        const list = message.question.of === "report" ? [reportOf(slot, 0)] : [];
        queueMicrotask(() => inspection.received(worker, message.id, list));
        return true;
      },
    } as unknown as WorkerProcess;
    workers.push(worker);
  }
  const viewing = new Viewing({
    options: {
      clock,
      maxConnections: 1_000_000,
      broker: new MemoryBroker(new MemoryBus()),
      warnings: { list: () => [] },
    },
    version: "1.0.0",
    inspection,
    workers: () => workers,
    notReady: () => [],
    drain: () => SERVING,
    reloadLeft: () => 0,
    rebalance: () => undefined,
    pending: () => 0,
    retention: () => undefined,
  });
  return { clock, asked, viewing, inspection };
}

describe("viewers of 64 workers with a million connections", () => {
  it("cost nothing while there are none: no worker is asked for anything", () => {
    const { clock, asked } = setUp();
    clock.advance(HOUR_MS);
    expect(asked).toEqual([]);
  });

  it("cost at most ten reports a second and no survey, be it one viewer or fifty", async () => {
    const { clock, asked, viewing } = setUp();
    const seconds = 70;
    for (let second = 0; second < seconds; second++) {
      await Promise.all(Array.from({ length: 50 }, () => viewing.overview()));
      clock.advance(1_000);
    }
    const reports = asked.filter((of) => of === "report").length;
    expect(reports).toBeGreaterThanOrEqual(5 * WORKERS);
    expect(reports / seconds).toBeLessThanOrEqual(10);
    expect(asked.filter((of) => of !== "report")).toEqual([]);
  });

  it("get at most 20 KB a second each, zipped once for all", async () => {
    const { viewing } = setUp();
    const zipped = new ZippedAnswers();
    const overviews = await Promise.all(Array.from({ length: 50 }, () => viewing.overview()));
    const sent = overviews.map((each) => zipped.of(each, () => JSON.stringify(each)));
    const bytes = (sent[0]?.length ?? 0) + HEADS;
    expect(zipped.made).toBe(1);
    expect(JSON.parse(gunzipSync(sent[0] ?? Buffer.alloc(0)).toString()).workers).toHaveLength(WORKERS);
    // Random digits, which do not compress: a day of 100,000 a second in each counter of each worker.
    expect(bytes).toBeLessThanOrEqual(BUDGET);
  });
});
