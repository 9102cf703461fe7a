/**
 * presence: members over two instances and one Redis: what joining costs, what being there costs (in Redis
 * commands, which must not grow with the members), how soon others see a member join and leave, and what a
 * member takes in memory.
 *
 * The same connections without presence are the base of everything that is told of a member.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { pssBytes, totalCpuMicros } from "@holdfast/swarm/measure";
import type { Redis } from "ioredis";
import { Fleet } from "../load/fleet-client.js";
import { PresenceVisitors } from "../load/presence-visitors.js";
import { ours } from "../peers/ours.js";
import { allProcesses, type PeerServer } from "../peers/peer.js";
import { RedisServer, redisMissing } from "../peers/redis.js";
import { formatNumber } from "../report/numbers.js";
import type { Metric } from "../result.js";
import type { RunContext, Scenario } from "../scenario.js";
import { type Point, quantile, slope } from "../statistics.js";

const METRICS: readonly Metric[] = [
  {
    key: "leaseCommands",
    label: "Redis commands idle",
    unit: "per worker and lease third",
    better: "lower",
    digits: 2,
  },
  { key: "idlePerSecond", label: "Redis commands idle, all", unit: "per second", better: "lower", digits: 1 },
  { key: "joinP50", label: "join seen p50", unit: "ms", better: "lower", digits: 1 },
  { key: "joinP99", label: "join seen p99", unit: "ms", better: "lower", digits: 1 },
  { key: "leaveP50", label: "leave seen p50", unit: "ms", better: "lower", digits: 1 },
  { key: "leaveP99", label: "leave seen p99", unit: "ms", better: "lower", digits: 1 },
  { key: "lost", label: "never seen", unit: "", better: "lower", digits: 0 },
  { key: "joinedPerSecond", label: "joined/s", unit: "", better: "higher", digits: 0 },
  { key: "joinCpuUs", label: "CPU of a join", unit: "µs", better: "lower", digits: 0 },
  { key: "redisBytes", label: "Redis", unit: "bytes each", better: "lower", digits: 0 },
  { key: "workerBytes", label: "workers", unit: "bytes each", better: "lower", digits: 0 },
];

/** The default of `presenceLease`, by three. */
const LEASE_THIRD_S = 5;
const CHANNELS = 200;
/** Channels with a visitor and an observer. */
const WATCHED = 20;
const INSTANCES = 2;
const CONNECTS_PER_SECOND = 4_000;
const SETTLE_MS = 1_000;
/** Readings of the memory: what a member takes is their slope. */
const STEPS = 8;

/** What the base and a case with presence have in common. */
interface Held {
  readonly idlePerSecond: number;
  readonly redisBytes: number;
  readonly workerBytes: number;
  readonly joinCpuUs: number;
  readonly joinedPerSecond: number;
}

export const presence: Scenario = {
  name: "presence",
  title: "Presence",
  metrics: METRICS,
  peers: [ours],
  defaultRuns: 1,
  async run(context) {
    const absent = redisMissing();
    if (absent !== undefined) return context.missing(ours.name, absent);
    const sizes = context.quick ? [400] : [2_000, 20_000];
    for (const members of sizes) {
      let base: Held | undefined;
      await withInstances(context, false, async (redis, servers) => {
        base = await hold(context, redis, servers, members);
      });
      await withInstances(context, true, async (redis, servers) => {
        if (base === undefined) throw new Error("the run without presence failed");
        const held = await hold(context, redis, servers, members, async (values) => {
          Object.assign(values, await visits(context, servers));
        });
        record(context, members, base, held, servers);
      });
    }
  },
};

function record(
  context: RunContext,
  members: number,
  base: Held,
  { visited, ...held }: Held & { readonly visited: Readonly<Record<string, number>> },
  servers: readonly PeerServer[],
): void {
  const more = held.idlePerSecond - base.idlePerSecond;
  context.record({
    case: `${formatNumber(members, 0)} members, ${CHANNELS} channels`,
    peer: ours.name,
    values: {
      ...held,
      ...visited,
      leaseCommands: (more / INSTANCES) * LEASE_THIRD_S,
      redisBytes: held.redisBytes - base.redisBytes,
      workerBytes: held.workerBytes - base.workerBytes,
      joinCpuUs: held.joinCpuUs - base.joinCpuUs,
    },
    commands: ["redis-server", ...servers.map(({ command }) => command)],
  });
}

/** Two instances of one worker each on a fresh Redis. */
async function withInstances(
  context: RunContext,
  withPresence: boolean,
  body: (redis: Redis, servers: readonly PeerServer[]) => Promise<void>,
): Promise<void> {
  const server = await RedisServer.start();
  const redis = server.client();
  const namespaces = JSON.stringify({ "": withPresence ? { presence: true, joinLeave: "session" } : {} });
  const options = { workers: 1, redis: server.url, flags: ["--namespaces", namespaces] };
  try {
    await context.measure(ours, options, (first) =>
      context.measure(ours, options, (second) => body(redis, [first, second])),
    );
  } finally {
    redis.disconnect();
    await server.stop();
  }
}

/** Connects all clients, looks how Redis fares while nothing happens, and runs `then` before they leave. */
async function hold(
  context: RunContext,
  redis: Redis,
  servers: readonly PeerServer[],
  members: number,
  then?: (values: Record<string, number>) => Promise<void>,
): Promise<Held & { readonly visited: Readonly<Record<string, number>> }> {
  const pids = servers.flatMap(allProcesses);
  const fleets: Fleet[] = [];
  const visited: Record<string, number> = {};
  try {
    for (const { port, target } of servers) {
      fleets.push(await Fleet.start({ port, target, channels: CHANNELS }));
    }
    const points = { redis: [] as Point[], workers: [] as Point[] };
    let [joinedMs, cpuUs] = [0, 0];
    for (let step = 1; step <= STEPS; step++) {
      const each = Math.round((members / servers.length / STEPS) * step);
      const cpuBefore = totalCpuMicros(pids);
      const startMs = performance.now();
      await Promise.all(fleets.map((fleet) => fleet.connect(each, CONNECTS_PER_SECOND / INSTANCES)));
      joinedMs += performance.now() - startMs;
      await sleep(SETTLE_MS);
      cpuUs += totalCpuMicros(pids) - cpuBefore;
      const there = each * servers.length;
      points.redis.push([there, await usedMemory(redis)]);
      points.workers.push([there, await memory(servers)]);
    }
    const idlePerSecond = await commandsPerSecond(redis, context.quick ? 2_000 : 3 * LEASE_THIRD_S * 1000);
    await then?.(visited);
    return {
      idlePerSecond,
      redisBytes: slope(points.redis),
      workerBytes: slope(points.workers),
      joinCpuUs: cpuUs / members,
      joinedPerSecond: (members / joinedMs) * 1000,
      visited,
    };
  } finally {
    for (const fleet of fleets) await fleet.stop();
  }
}

/** Some come and go on the first instance, others see it on the second. */
async function visits(
  { quick }: RunContext,
  [first, second]: readonly PeerServer[],
): Promise<Record<string, number>> {
  const channels = Array.from({ length: WATCHED }, (_, index) => `c${index}`);
  const visitors = await PresenceVisitors.connect(first?.port ?? 0, second?.port ?? 0, channels);
  try {
    const [count, perSecond] = quick ? [50, 50] : [1_000, 100];
    await visitors.visit(Math.ceil(count / 5), perSecond);
    const { joins, leaves, lost } = await visitors.visit(count, perSecond);
    const [joined, left] = [joins, leaves].map((times) => [...times].sort((a, b) => a - b));
    return {
      joinP50: quantile(joined ?? [], 0.5),
      joinP99: quantile(joined ?? [], 0.99),
      leaveP50: quantile(left ?? [], 0.5),
      leaveP99: quantile(left ?? [], 0.99),
      lost,
    };
  } finally {
    visitors.close();
  }
}

async function memory(servers: readonly PeerServer[]): Promise<number> {
  for (const server of servers) {
    await server.collect();
    await server.collect();
  }
  return pssBytes(servers.flatMap(allProcesses));
}

async function usedMemory(redis: Redis): Promise<number> {
  return infoNumber(await redis.info("memory"), "used_memory");
}

/** What workers ask of Redis, by its MONITOR; what scripts do inside is part of their call. */
async function commandsPerSecond(redis: Redis, ms: number): Promise<number> {
  const monitor = await redis.monitor();
  let commands = 0;
  monitor.on("monitor", (_time: string, _args: readonly string[], source: string) => {
    if (source !== "lua") commands++;
  });
  await sleep(ms);
  monitor.disconnect();
  return (commands * 1000) / ms;
}

function infoNumber(info: string, key: string): number {
  return Number(new RegExp(`^${key}:(\\d+)`, "m").exec(info)?.[1]);
}
