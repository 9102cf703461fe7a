/**
 * ingest: how fast one worker publishes from the ingest stream into one channel with a history, and whether
 * the order holds. The stream is full before it begins: the lease is held back meanwhile.
 */
import { channelTopic } from "@holdfast/core";
import { RunCaller } from "@holdfast/redis/testing";
import { ours } from "../peers/ours.js";
import { allProcesses } from "../peers/peer.js";
import { RedisServer, redisMissing } from "../peers/redis.js";
import type { RunContext, Scenario } from "../scenario.js";
import {
  BARE_SCRIPT,
  CHANNEL,
  CpuWatch,
  fillIngest,
  HISTORY_FLAGS,
  HISTORY_SIZE,
  numbered,
  OrderWatcher,
  REDIS_LOAD_METRICS,
} from "./redis-load.js";

const CASE = "one channel with a history";
const LEASE = "holdfast:lease:{holdfast:ingest}";
const MESSAGE_BYTES = 100;
/** Runs under way at a time. */
const PIPELINED = 8;

export const ingest: Scenario = {
  name: "ingest",
  title: "Ingest into one channel",
  metrics: REDIS_LOAD_METRICS,
  peers: [ours, BARE_SCRIPT],
  defaultRuns: 3,
  async run(context) {
    const absent = redisMissing();
    if (absent !== undefined) return context.missing(ours.name, absent);
    const count = context.quick ? 5_000 : 100_000;
    const redis = await RedisServer.start();
    try {
      await bare(context, redis, count);
      await throughOurs(context, redis, count);
    } finally {
      await redis.stop();
    }
  },
};

/** Runs of the same publications, as large as the gateway's, with a subscriber that reads nothing. */
async function bare(context: RunContext, redis: RedisServer, count: number): Promise<void> {
  const [client, subscriber] = [redis.client(), redis.client()];
  const topic = channelTopic(CHANNEL);
  await subscriber.subscribe(`holdfast:${topic}`);
  const caller = new RunCaller(client, { size: HISTORY_SIZE, ttlMs: 300_000 });
  await caller.start();
  const cpu = new CpuWatch(redis, []);
  const startMs = performance.now();
  let next = 0;
  const pipeline = async (): Promise<void> => {
    while (next < count) {
      const from = next;
      next = Math.min(count, next + RunCaller.mostAtOnce);
      const run = Array.from({ length: next - from }, (_, i) => {
        return { data: numbered(from + i, MESSAGE_BYTES), key: `bare ${from + i}` };
      });
      await caller.publish(topic, run);
    }
  };
  await Promise.all(Array.from({ length: PIPELINED }, pipeline));
  const perSecond = count / ((performance.now() - startMs) / 1000);
  context.record({
    case: CASE,
    peer: BARE_SCRIPT.name,
    values: { perSecond, redisCpuUs: cpu.each(count).redisCpuUs },
    commands: ["redis-server"],
  });
  client.disconnect();
  subscriber.disconnect();
}

async function throughOurs(context: RunContext, redis: RedisServer, count: number): Promise<void> {
  const client = redis.client();
  await client.flushall();
  await client.set(LEASE, "bench");
  await fillIngest(client, count, MESSAGE_BYTES);
  const options = { workers: 1, redis: redis.url, flags: HISTORY_FLAGS };
  await context.measure(ours, options, async (server) => {
    const watcher = await OrderWatcher.open(server);
    const cpu = new CpuWatch(redis, allProcesses(server));
    await client.del(LEASE);
    await watcher.upTo(count);
    const values = { ...watcher.figures(), ...cpu.each(count) };
    watcher.close();
    context.record({ case: CASE, peer: ours.name, values, commands: ["redis-server", server.command] });
  });
  client.disconnect();
}
