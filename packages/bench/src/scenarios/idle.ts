/**
 * idle: what a connection costs that does nothing: memory from the slope between two sizes, so that the base cancels,
 * and CPU while keepalive goes on. Ours with a connected session and one subscription, the others subscribed too.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { kernelSocketBytes } from "../measure/kernel.js";
import { pssBytes, totalCpuMicros } from "../measure/processes.js";
import { bun } from "../peers/bun.js";
import { nchan } from "../peers/nchan.js";
import { plainWs, socketIo } from "../peers/node-peers.js";
import { ours } from "../peers/ours.js";
import { allProcesses, type PeerServer } from "../peers/peer.js";
import { formatNumber } from "../report/numbers.js";
import type { Metric } from "../result.js";
import type { Scenario } from "../scenario.js";
import { summarise } from "../statistics.js";
import { fill, withFleet } from "./subscribers.js";

const METRICS: readonly Metric[] = [
  { key: "userBytes", label: "user space", unit: "bytes each", better: "lower", digits: 0 },
  { key: "kernelBytes", label: "kernel", unit: "bytes each", better: "lower", digits: 0, compare: "never" },
  { key: "cpuShare", label: "idle CPU", unit: "% of a core", better: "lower", digits: 2 },
  { key: "fullGcMs", label: "full GC", unit: "ms", better: "lower", digits: 1 },
  { key: "pssMB", label: "PSS in all", unit: "MB", better: "lower", digits: 0 },
];

const PEERS = [ours, plainWs, socketIo, nchan, bun];
const COLLECTIONS = 3;

export const idle: Scenario = {
  name: "idle",
  title: "Idle connections",
  metrics: METRICS,
  peers: PEERS,
  defaultRuns: 1,
  async run(context) {
    const [few, many] = context.quick ? [100, 300] : [5_000, 18_000];
    // Longer than one ping interval (25 s), and as long as one interval between collections of ours.
    const watchMs = context.quick ? 1_000 : 30_000;
    for (const peer of context.rotate(PEERS)) {
      await context.measure(peer, { workers: 1 }, (server) =>
        withFleet(server, {}, async (fleet) => {
          await fill(fleet, few);
          const first = await memory(server);
          await fill(fleet, many);
          await sleep(context.quick ? 0 : 3_000);
          const pids = allProcesses(server);
          const cpuBefore = totalCpuMicros(pids);
          await sleep(watchMs);
          const cpuUs = totalCpuMicros(pids) - cpuBefore;
          const second = await memory(server);
          const { open } = await fleet.report();
          if (open !== many) throw new Error(`only ${open} of ${many} connections stayed`);
          const values: Record<string, number> = {
            userBytes: (second.pss - first.pss) / (many - few),
            cpuShare: (cpuUs / (watchMs * 1000)) * 100,
            pssMB: second.pss / 1e6,
          };
          if (second.fullGcMs !== undefined) values.fullGcMs = second.fullGcMs;
          // Both ends of each connection are on this machine.
          if (first.kernel !== undefined && second.kernel !== undefined) {
            values.kernelBytes = (second.kernel - first.kernel) / (many - few) / 2;
          }
          const name = `${formatNumber(few, 0)} to ${formatNumber(many, 0)} connections`;
          context.record({ case: name, peer: peer.name, values, commands: [server.command, fleet.command] });
        }),
      );
    }
  },
};

interface Memory {
  readonly pss: number;
  readonly kernel: number | undefined;
  /** The median pause of the longest collecting process. */
  readonly fullGcMs: number | undefined;
}

async function memory(server: PeerServer): Promise<Memory> {
  const longest: number[] = [];
  for (let i = 0; i < COLLECTIONS; i++) {
    const pauses = await server.collect();
    if (pauses.length > 0) longest.push(Math.max(...pauses));
    await sleep(500);
  }
  return {
    pss: pssBytes(allProcesses(server)),
    kernel: kernelSocketBytes(),
    fullGcMs: summarise(longest)?.median,
  };
}
