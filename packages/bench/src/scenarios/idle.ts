/**
 * idle: what a connection costs that does nothing: memory from the slope over many sizes, so that the base
 * cancels, and CPU while keepalive goes on. Ours with a connected session and one subscription, the others
 * subscribed too.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { privateBytes, pssBytes, totalCpuMicros } from "@holdfast/swarm/measure";
import { kernelSocketBytes } from "../measure/kernel.js";
import { bun } from "../peers/bun.js";
import { nchan } from "../peers/nchan.js";
import { plainWs, socketIo } from "../peers/node-peers.js";
import { ours, oursCompressed, oursOnLibrary } from "../peers/ours.js";
import { allProcesses, type PeerServer } from "../peers/peer.js";
import { formatNumber } from "../report/numbers.js";
import type { Metric } from "../result.js";
import type { RunContext, Scenario } from "../scenario.js";
import { slope, summarise } from "../statistics.js";
import { grow } from "./growth.js";
import { withFleet } from "./subscribers.js";

const METRICS: readonly Metric[] = [
  { key: "userBytes", label: "user space", unit: "bytes each", better: "lower", digits: 0 },
  { key: "kernelBytes", label: "kernel", unit: "bytes each", better: "lower", digits: 0, compare: "never" },
  { key: "cpuShare", label: "idle CPU", unit: "% of a core", better: "lower", digits: 2 },
  { key: "fullGcMs", label: "full GC", unit: "ms", better: "lower", digits: 1 },
  { key: "pssMB", label: "PSS in all", unit: "MB", better: "lower", digits: 0 },
  { key: "baseMiB", label: "a worker's own", unit: "MiB", better: "lower", digits: 1 },
];

const PEERS = [ours, oursCompressed, oursOnLibrary, plainWs, socketIo, nchan, bun];
const COLLECTIONS = 5;
const BETWEEN_COLLECTIONS_MS = 300;
/** What opening them left behind is done with: V8 collects again about 20 s after a collection. */
const RELEASE_MS = 30_000;

const MIB = 1024 * 1024;
const BASE_WORKERS = 4;
/** A worker collects what its start left within 30 s. */
const AT_REST_MS = 40_000;

export const idle: Scenario = {
  name: "idle",
  title: "Idle connections",
  metrics: METRICS,
  peers: PEERS,
  defaultRuns: 1,
  async run(context) {
    const [few, many] = context.quick ? [100, 300] : [5_000, 18_000];
    // Two ping intervals (25 s), so that each connection is pinged as often, and longer than one interval
    // between collections of ours.
    const watchMs = context.quick ? 1_000 : 50_000;
    for (const peer of context.rotate(PEERS)) {
      await context.measure(peer, { workers: 1 }, (server) =>
        withFleet(server, {}, async (fleet) => {
          const pids = allProcesses(server);
          await grow(server, fleet, 0, few);
          const kernelBefore = kernelSocketBytes();
          const points = await grow(server, fleet, few, many);
          const kernelAfter = kernelSocketBytes();
          await sleep(context.quick ? 0 : RELEASE_MS);
          const cpuBefore = totalCpuMicros(pids);
          await sleep(watchMs);
          const cpuUs = totalCpuMicros(pids) - cpuBefore;
          const fullGcMs = await fullCollection(server);
          const { open } = await fleet.report();
          if (open !== many) throw new Error(`only ${open} of ${many} connections stayed`);
          const values: Record<string, number> = {
            userBytes: slope(points),
            cpuShare: (cpuUs / (watchMs * 1000)) * 100,
            pssMB: pssBytes(pids) / 1e6,
            ...(fullGcMs !== undefined && { fullGcMs }),
          };
          // Both ends of each connection are on this machine.
          if (kernelBefore !== undefined && kernelAfter !== undefined) {
            values.kernelBytes = (kernelAfter - kernelBefore) / (many - few) / 2;
          }
          const name = `${formatNumber(few, 0)} to ${formatNumber(many, 0)} connections`;
          context.record({ case: name, peer: peer.name, values, commands: [server.command, fleet.command] });
        }),
      );
    }
    await measureBase(context);
  },
};

/**
 * A worker of ours before its first connection, once what its start left is collected: the median of several.
 */
async function measureBase(context: RunContext): Promise<void> {
  await context.measure(ours, { workers: BASE_WORKERS }, async (server) => {
    await sleep(context.quick ? 0 : AT_REST_MS);
    const baseMiB = (summarise(server.workers.map(privateBytes))?.median ?? 0) / MIB;
    const name = `before the first connection, ${BASE_WORKERS} workers`;
    context.record({ case: name, peer: ours.name, values: { baseMiB }, commands: [server.command] });
  });
}

/** The median pause of the process that takes longest; undefined where no process collects. */
async function fullCollection(server: PeerServer): Promise<number | undefined> {
  const longest: number[] = [];
  for (let i = 0; i < COLLECTIONS; i++) {
    const pauses = await server.collect();
    if (pauses.length > 0) longest.push(Math.max(...pauses));
    await sleep(BETWEEN_COLLECTIONS_MS);
  }
  return summarise(longest)?.median;
}
