/**
 * storm: all clients come back at once.
 *
 * One instance of each peer per run: first a steady trickle, then 20,000 handshakes offered at 60,000/s, then
 * the same with a valid session id each. Apart from it the burst on 16 workers, and growth: 10,000 and 40,000
 * at once, on four workers because a process may open 20,000 files here.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cpuMicros, openSockets, rssBytes, totalCpuMicros } from "@holdfast/swarm/measure";
import { StormClient, type StormOptions, type StormResult } from "../load/storm-client.js";
import { plainWs, wsCluster, wsSticky } from "../peers/node-peers.js";
import { oursNode22, oursSharedPort, wsClusterNode22 } from "../peers/node22-peers.js";
import { HoldfastServer, ours, oursOnLibrary } from "../peers/ours.js";
import type { Peer, PeerServer } from "../peers/peer.js";
import { oursSecure, wsClusterSecure } from "../peers/secure-peers.js";
import { formatNumber } from "../report/numbers.js";
import type { Metric } from "../result.js";
import type { RunContext, Scenario } from "../scenario.js";
import { skew } from "../statistics.js";
import { sessionIds } from "./session-ids.js";

const METRICS: readonly Metric[] = [
  { key: "perSecond", label: "handshakes/s", unit: "", better: "higher", digits: 0 },
  { key: "elapsedMs", label: "total", unit: "ms", better: "lower", digits: 0, hidden: true },
  { key: "p50", label: "p50", unit: "ms", better: "lower", digits: 2 },
  { key: "p99", label: "p99", unit: "ms", better: "lower", digits: 1 },
  { key: "failedShare", label: "failed", unit: "%", better: "lower", digits: 2, compare: "own", noise: 0.1 },
  { key: "skew", label: "skew", unit: "%", better: "lower", digits: 1, compare: "own", noise: 2 },
  { key: "primaryUs", label: "primary", unit: "µs each", better: "lower", digits: 1 },
  { key: "workersUs", label: "workers", unit: "µs each", better: "lower", digits: 1 },
  {
    key: "primaryGrowthMB",
    label: "primary RSS after",
    unit: "MB more",
    better: "lower",
    digits: 1,
    compare: "own",
    noise: 5,
  },
  {
    key: "clientShare",
    label: "client CPU",
    unit: "% of machine",
    better: "lower",
    digits: 0,
    compare: "never",
  },
  { key: "dueP50", label: "p50 from due", unit: "ms", better: "lower", digits: 2, hidden: true },
  { key: "dueP99", label: "p99 from due", unit: "ms", better: "lower", digits: 1, hidden: true },
  {
    key: "linearity",
    label: "time, 40,000 by 10,000",
    unit: "×",
    better: "lower",
    digits: 2,
    compare: "own",
    noise: 0.4,
  },
];

/** What one process can hold on a machine with tight limits, less than 20,000 by what else it has open. */
const MAX_PER_PROCESS = 19_000;
/** How long the primary may take to give its memory back. */
const SETTLE_MS = 4_000;
const WARM_UP = { count: 2_000, rate: 3_000 };
const STEADY = { count: 5_000, rate: 1_000 };

export const storm: Scenario = {
  name: "storm",
  title: "Reconnect storm",
  metrics: METRICS,
  peers: [
    ours,
    oursOnLibrary,
    wsCluster,
    wsSticky,
    plainWs,
    oursNode22,
    oursSharedPort,
    wsClusterNode22,
    oursSecure,
    wsClusterSecure,
  ],
  defaultRuns: 3,
  async run(context) {
    const size = context.quick ? 500 : 20_000;
    const rate = context.quick ? 2_000 : 60_000;
    for (const peer of context.rotate([ours, oursOnLibrary, wsCluster, wsSticky, plainWs])) {
      await context.measure(peer, { workers: 2 }, async (server) => {
        const own = { peer, server, context };
        await warmUp(server);
        const steady = { ...STEADY, count: context.quick ? 500 : STEADY.count };
        await oneStorm({ ...own, name: "steady 1,000/s", ...steady });
        const count = peer === plainWs ? Math.min(size, MAX_PER_PROCESS) : size;
        await oneStorm({ ...own, name: `${title(size, rate)}, 2 workers`, count, rate, settle: true });
        // Its primary still works off the last storm, and what it does with a session id it has never seen is
        // no news.
        if (peer !== wsSticky && peer !== plainWs)
          await stormWithIds({ ...own, name: `${title(size, rate)}, 2 workers, sid`, count, rate });
      });
    }
    for (const peer of context.rotate([ours, wsCluster, wsSticky])) {
      await context.measure(peer, { workers: context.quick ? 4 : 16 }, async (server) => {
        await warmUp(server);
        await oneStorm({
          peer,
          server,
          context,
          name: `${title(size, rate)}, 16 workers`,
          count: size,
          rate,
        });
      });
    }
    await node22Storms(context, size, rate);
    for (const peer of context.rotate([ours, wsCluster])) await growth(context, peer);
    for (const peer of context.rotate([oursSecure, wsClusterSecure])) await secureStorm(context, peer);
  },
};

/** Recorded as ours and as the cluster's, so that each case has the ratio of its own run. */
async function node22Storms(context: RunContext, count: number, rate: number): Promise<void> {
  for (const [own, how] of [
    [oursNode22, "Node 22"],
    [oursSharedPort, "Node 22, reuseport"],
  ] as const) {
    const name = `${title(count, rate)}, 2 workers, ${how}`;
    for (const measured of context.rotate([own, wsClusterNode22])) {
      const peer = measured === own ? ours : wsCluster;
      await context.measure(measured, { workers: 2 }, async (server) => {
        await warmUp(server);
        // As what stands before the storm on Node 20: one on a server that just started measures a compiler.
        if (!context.quick) await warmUp(server, STEADY);
        await oneStorm({ peer, server, context, name, count, rate });
      });
    }
  }
}

/** Fewer, and slower: a full handshake costs a client's core as much as the server's. */
async function secureStorm(context: RunContext, peer: Peer): Promise<void> {
  const count = context.quick ? 200 : 5_000;
  const rate = context.quick ? 500 : 2_000;
  await context.measure(peer, { workers: 2 }, async (server) => {
    const name = `${title(count, rate)}, 2 workers, TLS`;
    await oneStorm({ peer, server, context, name, count, rate, tls: true });
  });
}

interface Storm {
  readonly peer: Peer;
  readonly server: PeerServer;
  readonly context: RunContext;
  readonly name: string;
  readonly count: number;
  readonly rate: number;
  readonly settle?: boolean;
  readonly sidsIn?: string;
  readonly tls?: boolean;
}

function title(count: number, rate: number): string {
  return `${formatNumber(count, 0)} at ${formatNumber(rate, 0)}/s`;
}

function optionsFor(server: PeerServer, count: number, rate: number): StormOptions {
  // Without format=raw, so that ours announces the session id.
  return { port: server.port, count, rate, target: "/ws?channels=news" };
}

/** Code gets compiled, connections get closed again. */
async function warmUp(server: PeerServer, { count, rate } = WARM_UP): Promise<void> {
  const client = await StormClient.start(optionsFor(server, count, rate));
  await client.run();
  await client.stop();
  await sleep(500);
}

async function oneStorm(storm: Storm): Promise<StormResult> {
  const { peer, server, context, name, count, rate, settle = false, sidsIn, tls = false } = storm;
  const { primary, workers } = server;
  const options = { ...optionsFor(server, count, rate), tls };
  const client = await StormClient.start(sidsIn === undefined ? options : { ...options, sidsIn });
  const before = workers.map(openSockets);
  const rssBefore = primary === undefined ? 0 : rssBytes(primary);
  const primaryBefore = primary === undefined ? 0 : cpuMicros(primary);
  const workersBefore = totalCpuMicros(workers);
  const startMs = performance.now();
  const result = await client.run();
  const wallMs = performance.now() - startMs;
  const primaryUs = primary === undefined ? 0 : cpuMicros(primary) - primaryBefore;
  const workersUs = totalCpuMicros(workers) - workersBefore;
  const shares = workers.map((pid, i) => openSockets(pid) - (before[i] ?? 0));
  await client.stop();
  const values: Record<string, number> = {
    perSecond: result.elapsedMs === 0 ? 0 : (result.ok / result.elapsedMs) * 1000,
    elapsedMs: result.elapsedMs,
    p50: result.p50,
    p99: result.p99,
    dueP50: result.dueP50,
    dueP99: result.dueP99,
    failedShare: (1 - result.ok / count) * 100,
    skew: skew(shares) * 100,
    // By attempts that succeeded: a peer that refuses cheaply should not look fast.
    workersUs: workersUs / Math.max(1, result.ok),
    clientShare: (result.cpuMs / wallMs / cpus().length) * 100,
  };
  if (primary !== undefined) values.primaryUs = primaryUs / Math.max(1, result.ok);
  if (primary !== undefined && settle) {
    await sleep(SETTLE_MS);
    values.primaryGrowthMB = (rssBytes(primary) - rssBefore) / 1e6;
  } else await sleep(500);
  const commands = [server.command, client.command];
  context.record({ case: name, peer: peer.name, values, failed: result.failed, commands });
  return result;
}

/** Ours: ids whose owners live. Others: ids of the same form, so the same bytes. */
async function stormWithIds(storm: Storm): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "bench-sids-"));
  const file = join(directory, "sids");
  try {
    const announced = storm.server instanceof HoldfastServer ? await announcedIds(storm, file) : [];
    writeFileSync(file, sessionIds(storm.count, announced));
    await oneStorm({ ...storm, sidsIn: file });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** What ours announces to some connections that come in peace. */
async function announcedIds({ server, context }: Storm, file: string): Promise<string[]> {
  const count = context.quick ? 100 : 2_000;
  const client = await StormClient.start({ ...optionsFor(server, count, 1_000), sidsOut: file });
  await client.run();
  await client.stop();
  await sleep(500);
  const ids = readFileSync(file, "utf8")
    .split("\n")
    .filter((id) => id !== "");
  if (ids.length === 0) throw new Error("no session id was announced");
  return ids;
}

/** Everything at once: the rate is more than any client can offer. */
async function growth(context: RunContext, peer: Peer): Promise<void> {
  const small = context.quick ? 250 : 10_000;
  const rate = 1_000_000;
  const storms: StormResult[] = [];
  const commands: string[] = [];
  for (const count of [small, 4 * small]) {
    await context.measure(peer, { workers: 4 }, async (server) => {
      await warmUp(server);
      const name = `${formatNumber(count, 0)} at once`;
      storms.push(await oneStorm({ peer, server, context, name, count, rate }));
      commands.push(server.command);
    });
  }
  const [few, many] = storms;
  if (few === undefined || many === undefined) return;
  const values = {
    linearity: many.elapsedMs / few.elapsedMs,
    // A time is worth something only when no client was refused.
    failedShare: (1 - (few.ok + many.ok) / (5 * small)) * 100,
  };
  context.record({ case: "growth", peer: peer.name, values, commands });
}
