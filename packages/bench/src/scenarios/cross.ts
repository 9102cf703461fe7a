/**
 * cross: published on one instance, received on another, through one real Redis, at 1,000 messages a second.
 *
 * The first seconds of every peer, in which its code is compiled, have a figure of their own.
 *
 * Publisher and subscriber live in this process for every peer, so its own loop is in every figure alike.
 * Beside ours a bare ioredis round trip, which is what the way through Redis costs at least, and Socket.IO
 * with its Redis adapter.
 */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { totalCpuMicros } from "@holdfast/swarm/measure";
import { WebSocket } from "ws";
import { stampedMessage } from "../load/fleet-client.js";
import { socketIoWithRedis } from "../peers/node-peers.js";
import { ours } from "../peers/ours.js";
import { allProcesses, type Peer, type PeerServer } from "../peers/peer.js";
import { RedisServer, redisMissing } from "../peers/redis.js";
import type { Metric } from "../result.js";
import type { RunContext, Scenario } from "../scenario.js";
import { quantile } from "../statistics.js";

const METRICS: readonly Metric[] = [
  { key: "p50", label: "p50", unit: "ms", better: "lower", digits: 2 },
  { key: "p99", label: "p99", unit: "ms", better: "lower", digits: 2 },
  { key: "p999", label: "p99.9", unit: "ms", better: "lower", digits: 2 },
  { key: "startP99", label: "p99 of the first 5 s", unit: "ms", better: "lower", digits: 2 },
  { key: "cpuUs", label: "CPU, both instances", unit: "µs each", better: "lower", digits: 0 },
  {
    key: "deliveredShare",
    label: "received",
    unit: "%",
    better: "higher",
    digits: 2,
    compare: "own",
    noise: 0.01,
  },
];

/** Not a server: two clients of Redis in this process. */
const BARE: Peer = {
  name: "ioredis",
  label: "bare ioredis",
  missing: () => undefined,
  start: () => Promise.reject(new Error("has no server")),
};

const CASE = "1,000 messages/s";
const PER_SECOND = 1_000;
const MESSAGE_BYTES = 100;
const STAMP = /@(\d{19})/;

export const cross: Scenario = {
  name: "cross",
  title: "Across instances",
  metrics: METRICS,
  peers: [ours, BARE, socketIoWithRedis],
  defaultRuns: 3,
  async run(context) {
    const absent = redisMissing();
    if (absent !== undefined) return context.missing(ours.name, absent);
    const redis = await RedisServer.start();
    try {
      await bare(context, redis);
      for (const peer of context.rotate([ours, socketIoWithRedis])) {
        const options = { workers: 1, redis: redis.url };
        await context.measure(peer, options, (from) =>
          context.measure(peer, options, (to) => between(context, peer, from, to)),
        );
      }
    } finally {
      await redis.stop();
    }
  },
};

async function bare(context: RunContext, redis: RedisServer): Promise<void> {
  const [publisher, subscriber] = [redis.client(), redis.client()];
  await subscriber.subscribe("c0");
  const values = await latencies(
    context,
    (text) => void publisher.publish("c0", text),
    (receive) => subscriber.on("message", (_channel, text) => receive(text)),
  );
  publisher.disconnect();
  subscriber.disconnect();
  context.record({ case: CASE, peer: BARE.name, values, commands: ["redis-server"] });
}

async function between(context: RunContext, peer: Peer, from: PeerServer, to: PeerServer): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${to.port}${to.target}c0`, { perMessageDeflate: false });
  await once(socket, "open");
  if (to.hello !== undefined) socket.send(to.hello);
  await sleep(500);
  const pids = [...allProcesses(from), ...allProcesses(to)];
  const before = totalCpuMicros(pids);
  const values = await latencies(
    context,
    (text) => void from.publish("c0", text),
    (receive) => socket.on("message", (data) => receive(String(data))),
  );
  const cpuUs = (totalCpuMicros(pids) - before) / messageCount(context);
  socket.terminate();
  const commands = ["redis-server", from.command, to.command];
  context.record({ case: CASE, peer: peer.name, values: { ...values, cpuUs }, commands });
}

function messageCount({ quick }: RunContext): number {
  return quick ? 500 : 15_000;
}

/** Of all messages, those of the start. */
const START_SHARE = 1 / 3;

/** Publishes at the pace and says how late the messages came. */
async function latencies(
  context: RunContext,
  publish: (text: string) => void,
  subscribe: (receive: (text: string) => void) => void,
): Promise<Record<string, number>> {
  const count = messageCount(context);
  const found: number[] = [];
  subscribe((text) => {
    const stamp = STAMP.exec(text)?.[1];
    if (stamp !== undefined) found.push(Number(process.hrtime.bigint() - BigInt(stamp)) / 1e6);
  });
  const startMs = performance.now();
  for (let sent = 0; sent < count; ) {
    const due = Math.floor(((performance.now() - startMs) / 1000) * PER_SECOND);
    if (sent < due) {
      publish(stampedMessage(MESSAGE_BYTES));
      sent++;
    } else await sleep(1);
  }
  await sleep(500);
  if (found.length === 0) throw new Error("no message arrived");
  const start = Math.floor(count * START_SHARE);
  const sorted = found.slice(start).sort((a, b) => a - b);
  return {
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    p999: quantile(sorted, 0.999),
    startP99: quantile(
      found.slice(0, start).sort((a, b) => a - b),
      0.99,
    ),
    deliveredShare: (found.length / count) * 100,
  };
}
