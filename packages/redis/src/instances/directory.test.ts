import { BrokerUnavailable, noMetrics, silentLogger, systemClock } from "@holdfast/core";
import { BrokerListener } from "@holdfast/core/testing";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import type { RedisBroker } from "../broker.js";
import { RedisKeys } from "../keys.js";
import { SeamsOnRedis } from "../seams-on-redis.js";
import { parseRedisUrl, type RedisTarget } from "../target.js";
import { RedisServer } from "../testing/index.js";
import { RedisDirectory } from "./directory.js";

const SEAMS = { clock: systemClock, logger: silentLogger, metrics: noMetrics, random: Math.random };
const KEYS = new RedisKeys("holdfast:");

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

async function worker(): Promise<SeamsOnRedis> {
  const made = new SeamsOnRedis({ target: parseRedisUrl(server.url) as RedisTarget }, SEAMS);
  brokers.push(made.broker);
  await new BrokerListener(made.broker).reach("ready");
  return made;
}

async function until(right: () => Promise<boolean>): Promise<void> {
  while (!(await right())) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe("the worker directory on Redis", () => {
  test("tells every worker what one has announced, until that one is closed", async () => {
    const [here, there] = [(await worker()).directory(), (await worker()).directory()];
    expect(await there.find("AAAA")).toBeUndefined();
    here.announce("AAAA", () => "10.0.0.1:8080");
    await until(async () => (await there.find("AAAA")) === "10.0.0.1:8080");
    expect(await there.find("AAAB")).toBeUndefined();
    await here.close();
    expect(await there.find("AAAA")).toBeUndefined();
  });

  test("forgets a worker that no longer says so within a lease, and keeps one that does", async () => {
    const host = (await worker()).connection;
    const dead = new RedisDirectory(host, KEYS, { ...systemClock, after: () => ({ cancel() {} }) }, 300);
    const alive = new RedisDirectory(host, KEYS, systemClock, 300);
    dead.announce("dead", () => "10.0.0.1:8080");
    alive.announce("live", () => "10.0.0.2:8080");
    await until(async () => (await alive.find("dead")) !== undefined);
    await until(async () => (await alive.find("dead")) === undefined);
    expect(await alive.find("live")).toBe("10.0.0.2:8080");
    expect(await redis.pttl("holdfast:worker:live")).toBeLessThanOrEqual(300);
    await alive.close();
    // Its clock never wakes it, but the end does.
    await dead.close();
  });

  test("leaves what another has said when it is closed", async () => {
    const directory = (await worker()).directory();
    directory.announce("AAAA", () => "10.0.0.1:8080");
    await until(async () => (await directory.find("AAAA")) !== undefined);
    await redis.set("holdfast:worker:AAAA", "10.0.0.9:8080");
    await directory.close();
    expect(await redis.get("holdfast:worker:AAAA")).toBe("10.0.0.9:8080");
  });

  test("says that Redis is away instead of guessing, and announces again when it is back, empty", async () => {
    const directory = (await worker()).directory();
    directory.announce("AAAA", () => "10.0.0.1:8080");
    await until(async () => (await directory.find("AAAA")) !== undefined);
    await server.kill();
    await expect(until(async () => (await directory.find("AAAA")) === undefined)).rejects.toBeInstanceOf(
      BrokerUnavailable,
    );
    await server.restart();
    await until(async () => (await directory.find("AAAA").catch(() => undefined)) !== undefined);
    await directory.close();
  }, 30_000);
});
