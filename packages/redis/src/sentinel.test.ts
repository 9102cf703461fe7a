import { channelTopic, noMetrics, silentLogger, systemClock } from "@holdfast/core";
import { BrokerListener } from "@holdfast/core/testing";
import { describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import type { RedisSeams } from "./options.js";
import { SeamsOnRedis } from "./seams-on-redis.js";
import { parseRedisUrl, type RedisTarget } from "./target.js";
import { freePort, RedisSentinel, RedisServer } from "./testing/index.js";

const SEAMS: RedisSeams = {
  clock: systemClock,
  logger: silentLogger,
  metrics: noMetrics,
  random: Math.random,
};
const FAST = { commandTimeoutMs: 1000, pingIntervalMs: 50, minRetryDelayMs: 10, maxRetryDelayMs: 100 };
const NEWS = channelTopic("news");

describe("RedisBroker behind Sentinels", () => {
  test("it finds the master, and its successor when it dies, past a Sentinel that is gone", async () => {
    const master = await RedisServer.start();
    const replica = await RedisServer.start({ args: ["--replicaof", "127.0.0.1", String(master.port)] });
    const sentinel = await RedisSentinel.start(master.port);
    const gone = await freePort();
    const url = `redis+sentinel://127.0.0.1:${gone},127.0.0.1:${sentinel.port}/mymaster`;
    const listener = new BrokerListener(
      new SeamsOnRedis({ target: parseRedisUrl(url) as RedisTarget, ...FAST }, SEAMS).broker,
    );
    try {
      await listener.reach("ready");
      await listener.broker.subscribe(NEWS);
      await listener.broker.publish(NEWS, "through the first master");
      await listener.upTo("through the first master");

      await knowsReplica(sentinel);
      await master.kill();
      await listener.reachAgain("ready", 2);
      const backend = new Redis(replica.port, "127.0.0.1");
      await backend.publish("holdfast:channel:news", "through the second master");
      backend.disconnect();
      await listener.upTo("through the second master");
      expect(listener.states).toEqual(["ready", "connecting", "ready"]);
    } finally {
      await listener.broker.close();
      await Promise.all([sentinel.close(), replica.close(), master.close()]);
    }
  }, 60_000);
});

/** A Sentinel learns of replicas by asking the master every ten seconds, and says when it has found one. */
async function knowsReplica(sentinel: RedisSentinel): Promise<void> {
  const events = new Redis(sentinel.port, "127.0.0.1");
  const commands = new Redis(sentinel.port, "127.0.0.1");
  const found = new Promise((resolve) => events.on("message", resolve));
  await events.subscribe("+slave");
  const replicas = await commands.call("SENTINEL", "REPLICAS", "mymaster");
  if (!Array.isArray(replicas) || replicas.length === 0) await found;
  events.disconnect();
  commands.disconnect();
}
