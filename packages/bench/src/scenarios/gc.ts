/**
 * gc: a long life in a short time, with ours collecting on its timer, with V8 left alone, and with the
 * folklore of a plain full collection every few seconds.
 *
 * 10,000 subscribers on two workers come and go while messages flow, then all of them leave at once. Time
 * runs faster than in earnest: more churn than a real hour has, and the interval is shortened as much.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { rssBytes, totalCpuMicros } from "@holdfast/swarm/measure";
import { stampedMessage } from "../load/fleet-client.js";
import { HoldfastServer, ours } from "../peers/ours.js";
import type { PeerOptions, PeerServer } from "../peers/peer.js";
import type { Metric } from "../result.js";
import type { RunContext, Scenario } from "../scenario.js";
import type { LoopFigures } from "../servers/probe.js";
import { quantile } from "../statistics.js";
import { fill, withFleet } from "./subscribers.js";

const METRICS: readonly Metric[] = [
  { key: "rssMB", label: "RSS, median", unit: "MB", better: "lower", digits: 0 },
  { key: "rssMaxMB", label: "RSS, most", unit: "MB", better: "lower", digits: 0 },
  { key: "p50", label: "latency p50", unit: "ms", better: "lower", digits: 1 },
  { key: "p99", label: "p99", unit: "ms", better: "lower", digits: 1 },
  { key: "p999", label: "p99.9", unit: "ms", better: "lower", digits: 1 },
  { key: "majors", label: "full GCs", unit: "", better: "lower", digits: 0, compare: "never" },
  { key: "majorP50", label: "pause p50", unit: "ms", better: "lower", digits: 1 },
  { key: "majorMax", label: "pause, most", unit: "ms", better: "lower", digits: 1 },
  { key: "minorMax", label: "young pause, most", unit: "ms", better: "lower", digits: 1 },
  { key: "cpuShare", label: "CPU", unit: "% of a core", better: "lower", digits: 1 },
  { key: "leftMB", label: "RSS two intervals after all have left", unit: "MB", better: "lower", digits: 0 },
];

const INTERVAL_S = 5;
/** Two intervals, with what the turns of two workers add to them. */
const LEFT_MS = 2 * INTERVAL_S * 1_000 + 1_500;
const CHANNELS = 20;
const MESSAGE_BYTES = 100;
const PUBLISH_EVERY_MS = 20;

const WAYS: readonly { readonly name: string; readonly options: Omit<PeerOptions, "workers"> }[] = [
  { name: "timer, in turns", options: { flags: ["--gc-interval", `${INTERVAL_S}s`] } },
  { name: "off", options: { flags: ["--gc-interval", "off"] } },
  {
    name: "naive timer",
    options: { flags: ["--gc-interval", "off"], env: { BENCH_NAIVE_GC: String(INTERVAL_S * 1000) } },
  },
];

export const gc: Scenario = {
  name: "gc",
  title: "Garbage collection",
  metrics: METRICS,
  peers: [ours],
  defaultRuns: 1,
  async run(context) {
    for (const { name, options } of context.rotate(WAYS)) {
      await context.measure(ours, { workers: 2, ...options }, (server) => live(context, name, server));
    }
  },
};

async function live(context: RunContext, name: string, server: PeerServer): Promise<void> {
  if (!(server instanceof HoldfastServer)) return;
  const connections = context.quick ? 200 : 10_000;
  const seconds = context.quick ? 6 : 75;
  const rss: (readonly [number, number])[] = [];
  const values: Record<string, number> = {};
  const commands = [server.command];
  await withFleet(server, { channels: CHANNELS }, async (fleet) => {
    commands.push(fleet.command);
    await fill(fleet, connections);
    await fleet.churn(connections / 50);
    await fleet.reset();
    await server.probe.watch(server.workers);
    const cpuBefore = totalCpuMicros(server.workers);
    const startMs = performance.now();
    for (let i = 0; performance.now() - startMs < seconds * 1000; i++) {
      await sleep(Math.max(0, startMs + i * PUBLISH_EVERY_MS - performance.now()));
      await server.publish(`c${i % CHANNELS}`, stampedMessage(MESSAGE_BYTES));
      const second = Math.floor((performance.now() - startMs) / 1000);
      if (second >= rss.length) rss.push([second, workersMB(server)]);
    }
    const cpuUs = totalCpuMicros(server.workers) - cpuBefore;
    const figures = await server.probe.figures(server.workers);
    await fleet.churn(0);
    const { p50, p99, p999 } = await fleet.report();
    const sizes = rss.map(([, size]) => size).sort((a, b) => a - b);
    Object.assign(values, {
      rssMB: quantile(sizes, 0.5),
      rssMaxMB: sizes.at(-1) ?? 0,
      p50,
      p99,
      p999,
      ...pauses(figures),
      cpuShare: (cpuUs / (seconds * 1e6)) * 100,
    });
  });
  await sleep(LEFT_MS);
  values.leftMB = workersMB(server);
  const series = { "RSS of the workers, MB": rss };
  context.record({ case: name, peer: ours.name, values, commands, series });
}

function workersMB(server: HoldfastServer): number {
  return sum(server.workers.map(rssBytes)) / 1e6;
}

function pauses(figures: readonly LoopFigures[]): Record<string, number> {
  const majors = figures.flatMap(({ majorMs }) => majorMs).sort((a, b) => a - b);
  return {
    majors: majors.length,
    majorP50: quantile(majors, 0.5),
    majorMax: majors.at(-1) ?? 0,
    minorMax: Math.max(0, ...figures.map(({ minorMaxMs }) => minorMaxMs)),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
