/**
 * cluster: what a publication costs Redis, and how late it comes, where every worker of two instances has
 * subscribers: subscribed by each worker, or once per instance.
 *
 * Redis is asked for its own counts of bytes and CPU. Publisher and the subscriber whose latency is taken
 * live in this process for both, so its own loop is in every figure alike.
 */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { totalCpuMicros } from "@holdfast/swarm/measure";
import type { Redis } from "ioredis";
import { WebSocket } from "ws";
import { stampedMessage } from "../load/fleet-client.js";
import { ours } from "../peers/ours.js";
import { allProcesses, type Peer, type PeerServer } from "../peers/peer.js";
import { RedisServer, redisMissing } from "../peers/redis.js";
import type { Metric } from "../result.js";
import type { Recorded, RunContext, Scenario } from "../scenario.js";
import { quantile } from "../statistics.js";

const METRICS: readonly Metric[] = [
  { key: "redisBytes", label: "Redis output", unit: "bytes each", better: "lower", digits: 0 },
  { key: "redisCpuUs", label: "Redis CPU", unit: "µs each", better: "lower", digits: 1 },
  { key: "copies", label: "copies", unit: "each", better: "lower", digits: 1 },
  { key: "connections", label: "connections to Redis", unit: "per instance", better: "lower", digits: 0 },
  { key: "cpuUs", label: "CPU, both instances", unit: "µs each", better: "lower", digits: 0 },
  { key: "p50", label: "p50", unit: "ms", better: "lower", digits: 2 },
  { key: "p99", label: "p99", unit: "ms", better: "lower", digits: 2 },
  { key: "received", label: "received", unit: "%", better: "higher", digits: 2 },
];

const MODES = ["worker", "instance"] as const;
type Mode = (typeof MODES)[number];

/** Workers of each instance: few, those from which on `auto` is `instance`, and many. */
const WORKERS = [2, 4, 8] as const;
const PER_SECOND = 200;
const MESSAGE_BYTES = 200;
/** Connections to each instance: more than workers, so that each worker has some. */
const SUBSCRIBERS = 32;
const STAMP = /@(\d{19})/;

const peerOf = (mode: Mode): Peer => ({
  ...ours,
  name: `ours-${mode}`,
  label: `Holdfast, ${mode === "worker" ? "each worker subscribes" : "once per instance"}`,
  start: (options) => ours.start({ ...options, flags: ["--redis-subscriptions", mode] }),
});

const PEERS = MODES.map(peerOf);

export const cluster: Scenario = {
  name: "cluster",
  title: "A cluster of many workers",
  metrics: METRICS,
  peers: PEERS,
  defaultRuns: 3,
  async run(context) {
    const absent = redisMissing();
    if (absent !== undefined) return context.missing("ours", absent);
    for (const workers of context.quick ? [2] : WORKERS)
      for (const peer of context.rotate(PEERS)) await measurePeer(context, peer, workers);
  },
};

async function measurePeer(context: RunContext, peer: Peer, workers: number): Promise<void> {
  const redis = await RedisServer.start();
  const options = { workers, redis: redis.url };
  const name = `2 instances × ${workers} workers, ${PER_SECOND} messages/s`;
  try {
    await context.measure(peer, options, (from) =>
      context.measure(peer, options, async (to) => {
        const values = await measure(redis, from, to, context.quick ? 500 : 4_000);
        context.record({ case: name, peer: peer.name, values, commands: [from.command, to.command] });
      }),
    );
  } finally {
    await redis.stop();
  }
}

async function measure(
  server: RedisServer,
  from: PeerServer,
  to: PeerServer,
  count: number,
): Promise<Recorded["values"]> {
  const redis = server.client();
  const sockets: WebSocket[] = [];
  const found: number[] = [];
  let received = 0;
  for (const instance of [from, to]) {
    for (let i = 0; i < SUBSCRIBERS; i++) {
      const socket = new WebSocket(`ws://127.0.0.1:${instance.port}${instance.target}c0`);
      socket.on("message", (data) => {
        received++;
        const stamp = instance === to && i === 0 ? STAMP.exec(String(data))?.[1] : undefined;
        if (stamp !== undefined) found.push(Number(process.hrtime.bigint() - BigInt(stamp)) / 1e6);
      });
      await once(socket, "open");
      sockets.push(socket);
    }
  }
  // Topics have their homes by then.
  await sleep(2_000);
  const connections =
    (String(await redis.client("LIST"))
      .trim()
      .split("\n").length -
      1) /
    2;
  const [, copies] = (await redis.pubsub("NUMSUB", "holdfast:channel:c0")) as [string, number];
  await paced(count / 10, from);
  [received, found.length] = [0, 0];
  const pids = [...allProcesses(from), ...allProcesses(to)];
  const [before, cpuBefore] = [await countsOf(redis), totalCpuMicros(pids)];
  await paced(count, from);
  const [after, cpuUs] = [await countsOf(redis), totalCpuMicros(pids) - cpuBefore];
  const sorted = found.sort((a, b) => a - b);
  for (const socket of sockets) socket.terminate();
  redis.disconnect();
  return {
    redisBytes: (after.bytes - before.bytes) / count,
    redisCpuUs: (after.cpuUs - before.cpuUs) / count,
    copies,
    connections,
    cpuUs: cpuUs / count,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    received: (received / (count * sockets.length)) * 100,
  };
}

/** Publishes at the pace. */
async function paced(count: number, from: PeerServer): Promise<void> {
  const startMs = performance.now();
  for (let sent = 0; sent < count; ) {
    const due = Math.min(count, Math.floor(((performance.now() - startMs) / 1000) * PER_SECOND));
    for (; sent < due; sent++) void from.publish("c0", stampedMessage(MESSAGE_BYTES));
    await sleep(1);
  }
  await sleep(500);
}

async function countsOf(redis: Redis): Promise<{ readonly bytes: number; readonly cpuUs: number }> {
  const info = await redis.info();
  const read = (name: string): number => Number(new RegExp(`^${name}:([\\d.]+)`, "m").exec(info)?.[1]);
  return {
    bytes: read("total_net_output_bytes"),
    cpuUs: (read("used_cpu_sys") + read("used_cpu_user")) * 1e6,
  };
}
