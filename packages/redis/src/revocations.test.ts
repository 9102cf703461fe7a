import { BrokerUnavailable, CONTROL, noMetrics, silentLogger, systemClock } from "@holdfast/core";
import { BrokerListener, revocationContract } from "@holdfast/core/testing";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { RedisBroker } from "./broker.js";
import { parseRedisUrl, type RedisTarget } from "./target.js";
import { RedisServer } from "./testing/index.js";

const SEAMS = { clock: systemClock, logger: silentLogger, metrics: noMetrics, random: Math.random };

describe("revocations on one server", () => {
  let server: RedisServer;
  let worlds = 0;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.close());

  const broker = (prefix: string) =>
    new RedisBroker(
      { target: parseRedisUrl(server.url) as RedisTarget, prefix, maxRevocations: 1500 },
      SEAMS,
    );

  /** Lets time pass for the revocations: their ends come nearer, and so do the ends of the keys. */
  async function age(redis: Redis, prefix: string, ms: number): Promise<void> {
    for (const key of await redis.keys(`${prefix}*`)) {
      const left = await redis.pttl(key);
      if ((await redis.type(key)) === "zset") {
        const members = await redis.zrange(key, "0", "-1", "WITHSCORES");
        for (let at = 0; at < members.length; at += 2)
          await redis.zadd(key, String(Number(members[at + 1]) - ms), String(members[at]));
      }
      await redis.pexpire(key, left - ms);
    }
  }

  revocationContract("RedisRevocations", async () => {
    const prefix = `world${worlds++}:`;
    const opened: RedisBroker[] = [];
    const redis = new Redis(server.port, "127.0.0.1");
    const create = async () => {
      const one = broker(prefix);
      opened.push(one);
      const listener = new BrokerListener(one);
      await listener.reach("ready");
      return { one, listener };
    };
    const { one, listener } = await create();
    await one.subscribe(CONTROL);
    let told = 0;
    return {
      create: async () => (await create()).one.revocations(),
      now: () => Date.now(),
      pass: (ms) => age(redis, prefix, ms),
      async told() {
        // What comes after all that was published before.
        await one.publish(CONTROL, `end ${++told}`);
        return (await listener.upTo(`end ${told}`)).filter((data) => !data.startsWith("end "));
      },
      async close() {
        for (const each of opened) await each.close();
        redis.disconnect();
      },
    };
  });

  test("count how long something is spent by Redis's clock, whatever the caller's says", async () => {
    const clock = { ...systemClock, now: () => systemClock.now() - 3_600_000 };
    const target = parseRedisUrl(server.url) as RedisTarget;
    const one = new RedisBroker({ target, prefix: "late:", maxRevocations: 10 }, { ...SEAMS, clock });
    const redis = new Redis(server.port, "127.0.0.1");
    try {
      await new BrokerListener(one).reach("ready");
      expect(await one.revocations().spend("x", 45_000)).toBe(true);
      expect(await one.revocations().spend("x", 45_000)).toBe(false);
      const [key = ""] = await redis.keys("late:spent:*");
      const left = await redis.pttl(key);
      expect(left).toBeGreaterThan(15_000);
      expect(left).toBeLessThanOrEqual(45_000);
    } finally {
      await one.close();
      redis.disconnect();
    }
  });

  test("leave nothing behind when the last has expired, and never take another thing for a list", async () => {
    const one = broker("gone:");
    const redis = new Redis(server.port, "127.0.0.1");
    try {
      await expect(one.revocations().list(0)).rejects.toBeInstanceOf(BrokerUnavailable);
      await new BrokerListener(one).reach("ready");
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
      await one.close();
      redis.disconnect();
    }
  });
});
