import { BrokerUnavailable, noMetrics, silentLogger, systemClock } from "@holdfast/core";
import { BrokerListener } from "@holdfast/core/testing";
import { describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { SeamsOnRedis } from "./seams-on-redis.js";
import { parseRedisUrl, type RedisTarget } from "./target.js";
import { RedisServer } from "./testing/index.js";

const SEAMS = { clock: systemClock, logger: silentLogger, metrics: noMetrics, random: Math.random };

describe("the shared secret", () => {
  test("is the same for all workers that ask at once and later, another elsewhere, and never another thing", async () => {
    const server = await RedisServer.start();
    const create = (prefix: string) =>
      new SeamsOnRedis({ target: parseRedisUrl(server.url) as RedisTarget, prefix }, SEAMS);
    const all = [create("a:"), create("a:"), create("a:"), create("b:")];
    const redis = new Redis(server.port, "127.0.0.1");
    try {
      await expect(all[0]?.sharedSecret()).rejects.toBeInstanceOf(BrokerUnavailable);
      for (const { broker } of all) await new BrokerListener(broker).reach("ready");
      const [one, two, three, other] = await Promise.all(all.map((each) => each.sharedSecret()));
      expect(one).toMatch(/^[A-Za-z0-9_-]{43}$/);
      expect([two, three, await all[1]?.sharedSecret()]).toEqual([one, one, one]);
      expect(other).not.toBe(one);
      await redis.set("a:secret", "guess-me");
      await expect(all[0]?.sharedSecret()).rejects.toThrow(/^(?!.*guess-me).*something else/);
    } finally {
      for (const { broker } of all) await broker.close();
      redis.disconnect();
      await server.close();
    }
  });
});
