import { BrokerUnavailable, noMetrics, silentLogger, systemClock } from "@holdfast/core";
import { BrokerListener } from "@holdfast/core/testing";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { SeamsOnRedis } from "./seams-on-redis.js";
import { parseRedisUrl, type RedisTarget } from "./target.js";
import { RedisServer } from "./testing/index.js";

const SEAMS = { clock: systemClock, logger: silentLogger, metrics: noMetrics, random: Math.random };

describe("revocations on one server", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.close());

  const create = (prefix: string) =>
    new SeamsOnRedis(
      { target: parseRedisUrl(server.url) as RedisTarget, prefix, maxRevocations: 1500 },
      SEAMS,
    );

  test("count how long something is spent by Redis's clock, whatever the caller's says", async () => {
    const clock = { ...systemClock, now: () => systemClock.now() - 3_600_000 };
    const target = parseRedisUrl(server.url) as RedisTarget;
    const one = new SeamsOnRedis({ target, prefix: "late:", maxRevocations: 10 }, { ...SEAMS, clock });
    const redis = new Redis(server.port, "127.0.0.1");
    try {
      await new BrokerListener(one.broker).reach("ready");
      expect(await one.revocations().spend("x", 45_000)).toBe(true);
      expect(await one.revocations().spend("x", 45_000)).toBe(false);
      const [key = ""] = await redis.keys("late:spent:*");
      const left = await redis.pttl(key);
      expect(left).toBeGreaterThan(15_000);
      expect(left).toBeLessThanOrEqual(45_000);
    } finally {
      await one.broker.close();
      redis.disconnect();
    }
  });

  test("leave nothing behind when the last has expired, and never take another thing for a list", async () => {
    const one = create("gone:");
    const redis = new Redis(server.port, "127.0.0.1");
    try {
      await expect(one.revocations().list(0)).rejects.toBeInstanceOf(BrokerUnavailable);
      await new BrokerListener(one.broker).reach("ready");
      const store = one.revocations();
      const until = Date.now() + 60_000;
      await store.add([{ subject: "token:1", at: 0, until }]);
      const keys = await redis.keys("gone:*");
      const names = ["revoked", "revoked-at", "revoked-version"];
      expect(new Set(keys)).toEqual(new Set(names.map((name) => `gone:${name}:{revoked}`)));
      for (const key of keys) expect(await redis.pexpiretime(key)).toBe(until + 1);
      await redis.zadd("gone:revoked:{revoked}", String(until), "nonsense");
      await expect(store.list(0)).rejects.toThrow("something else");
      await redis.del("gone:revoked:{revoked}");
      await redis.set("gone:revoked:{revoked}", "text");
      await expect(store.list(0)).rejects.toBeInstanceOf(BrokerUnavailable);
      await expect(store.add([{ subject: "token:1", at: 0, until }])).rejects.toBeInstanceOf(
        BrokerUnavailable,
      );
    } finally {
      await one.broker.close();
      redis.disconnect();
    }
  });
});
