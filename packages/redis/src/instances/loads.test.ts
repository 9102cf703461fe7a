import { BrokerUnavailable, noMetrics, type SaidLoad, silentLogger, systemClock } from "@holdfast/core";
import { BrokerListener } from "@holdfast/core/testing";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import type { RedisBroker } from "../broker.js";
import { RedisKeys } from "../keys.js";
import { SeamsOnRedis } from "../seams-on-redis.js";
import { parseRedisUrl, type RedisTarget } from "../target.js";
import { RedisServer } from "../testing/index.js";
import { RedisLoads } from "./loads.js";

const SEAMS = { clock: systemClock, logger: silentLogger, metrics: noMetrics, random: Math.random };

let server: RedisServer;
let redis: Redis;
let brokers: RedisBroker[];

beforeEach(async () => {
  server = await RedisServer.start();
  redis = new Redis(server.port, "127.0.0.1").on("error", () => {});
  brokers = [];
});
afterEach(async () => {
  for (const broker of brokers) await broker.close();
  redis.disconnect();
  await server.close();
});

async function seams(): Promise<SeamsOnRedis> {
  const made = new SeamsOnRedis({ target: parseRedisUrl(server.url) as RedisTarget }, SEAMS);
  brokers.push(made.broker);
  await new BrokerListener(made.broker).reach("ready");
  return made;
}

function texts(said: readonly SaidLoad[]): object {
  return Object.fromEntries(said.map(({ instance, text }) => [instance, text]));
}

describe("what instances carry, on Redis", () => {
  test("each hears all, until one takes it back", async () => {
    const [here, there] = [(await seams()).loads(), (await seams()).loads()];
    expect(texts(await here.exchange("a", "1 2"))).toEqual({ a: "1 2" });
    expect(texts(await there.exchange("b", "x"))).toEqual({ a: "1 2", b: "x" });
    expect(texts(await here.exchange("a", "3"))).toEqual({ a: "3", b: "x" });
    await here.withdraw("a");
    expect(texts(await there.exchange("b", "x"))).toEqual({ b: "x" });
  });

  test("one that died is heard with its age, and no longer than its lease", async () => {
    const loads = new RedisLoads((await seams()).connection, new RedisKeys("holdfast:"), 400);
    await loads.exchange("dead", "1");
    let ages: number[] = [];
    for (
      let said = await loads.exchange("live", "2");
      said.length > 1;
      said = await loads.exchange("live", "2")
    )
      ages = [...ages, said.find(({ instance }) => instance === "dead")?.ageMs ?? -1];
    expect(ages).toEqual(ages.toSorted((a, b) => a - b));
    expect(Math.max(...ages)).toBeGreaterThan(200);
    expect(Math.max(...ages)).toBeLessThanOrEqual(400);
    expect(await redis.pttl("holdfast:loads")).toBeLessThanOrEqual(400);
  });

  test("ages are by the clock of Redis: what is from the future or is no entry is taken out", async () => {
    const loads = (await seams()).loads();
    await redis.hset("holdfast:loads", "future", `${Date.now() + 3_600_000} 1`, "junk", "not an entry");
    await redis.hset("holdfast:loads", "ahead", `${Date.now() + 5_000} 1`);
    await redis.hset("holdfast:loads", "long", `${Date.now()} ${"x".repeat(1_000)}`);
    const said = await loads.exchange("a", "1");
    expect(texts(said)).toEqual({ a: "1", ahead: "1", long: "" });
    expect(said.every(({ ageMs }) => ageMs >= 0 && ageMs < 1_000)).toBe(true);
    expect(await redis.hkeys("holdfast:loads")).not.toContain("junk");
  });

  test("there are at most 256, and one more is refused", async () => {
    const loads = (await seams()).loads();
    for (let n = 0; n < 256; n++) await redis.hset("holdfast:loads", `i${n}`, `${Date.now()} 1`);
    await expect(loads.exchange("more", "1")).rejects.toBeInstanceOf(BrokerUnavailable);
    expect(await loads.exchange("i7", "2")).toHaveLength(256);
  });

  test("says that Redis is away", async () => {
    const loads = (await seams()).loads();
    await server.kill();
    await expect(loads.exchange("a", "1")).rejects.toBeInstanceOf(BrokerUnavailable);
    await loads.withdraw("a");
  });
});
