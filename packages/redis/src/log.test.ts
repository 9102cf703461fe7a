import {
  BROADCAST,
  type BrokerUnavailable,
  channelTopic,
  type LogPage,
  noMetrics,
  type Retention,
  silentLogger,
  systemClock,
  userTopic,
} from "@holdfast/core";
import { BrokerListener } from "@holdfast/core/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Redis } from "ioredis";
import type { RedisBroker } from "./broker.js";
import { RedisKeys } from "./keys.js";
import type { RedisSeams } from "./options.js";
import { SeamsOnRedis } from "./seams-on-redis.js";
import { parseRedisUrl, type RedisTarget } from "./target.js";
import { age, RedisCluster, RedisServer } from "./testing/index.js";

const SEAMS: RedisSeams = {
  clock: systemClock,
  logger: silentLogger,
  metrics: noMetrics,
  random: Math.random,
};
const FAST = { commandTimeoutMs: 2000, pingIntervalMs: 50, minRetryDelayMs: 10, maxRetryDelayMs: 50 };
const NEWS = channelTopic("news");
const KEEP: Retention = { size: 100, ttlMs: 60_000 };

function create(url: string, prefix = "holdfast:"): RedisBroker {
  return new SeamsOnRedis({ target: parseRedisUrl(url) as RedisTarget, prefix, ...FAST }, SEAMS).broker;
}

describe("the log on a Redis Cluster", () => {
  let cluster: RedisCluster;
  let members: Redis[];
  beforeAll(async () => {
    cluster = await RedisCluster.start();
    members = cluster.members.map(({ port }) => new Redis(port, "127.0.0.1"));
  }, 30_000);
  afterAll(async () => {
    for (const member of members) member.disconnect();
    await cluster.close();
  });

  test("all keys of a topic are in one slot, as the members count, whatever its name", async () => {
    const keys = new RedisKeys("holdfast:");
    const slot = (key: string) => members[0]!.cluster("KEYSLOT", key);
    const name = fc.string({ unit: fc.constantFrom("{", "}", "a", ":", "ö"), minLength: 1 });
    const topic = fc.oneof(name.map(channelTopic), name.map(userTopic), fc.constant(BROADCAST));
    const slots = new Set<unknown>();
    await fc.assert(
      fc.asyncProperty(topic, name, async (topic, key) => {
        const found = await Promise.all(
          [keys.log(topic), keys.top(topic), keys.record(topic, key)].map((name) => slot(name)),
        );
        expect(new Set(found).size).toBe(1);
        slots.add(found[0]);
      }),
    );
    expect(slots.size).toBeGreaterThan(5);
    expect(await slot(keys.ingestLease)).toBe(await slot(keys.ingest));
  });
});

describe("the log", () => {
  let server: RedisServer;
  let redis: Redis;
  let opened: BrokerListener[];
  beforeEach(async () => {
    opened = [];
    server = await RedisServer.start();
    redis = new Redis(server.port, "127.0.0.1");
  });
  afterEach(async () => {
    for (const { broker } of opened) await broker.close();
    redis.disconnect();
    await server.close();
  });

  async function ready(): Promise<RedisBroker> {
    const broker = create(server.url);
    const listener = new BrokerListener(broker);
    opened.push(listener);
    await listener.reach("ready");
    return broker;
  }

  test("a server that forgot the scripts is told again", async () => {
    const broker = await ready();
    await redis.script("FLUSH");
    const first = await broker.publish(NEWS, "1", { retention: KEEP });
    expect(first?.offset).toBe(1);
    expect((await read(broker)).top).toEqual(first);
  });

  test("entries, the top and keys expire by themselves", async () => {
    const broker = await ready();
    await broker.publish(NEWS, "1", { retention: { size: 5, ttlMs: 50 }, key: "k" });
    expect(await redis.pttl("holdfast:top:{channel:news}")).toBeGreaterThan(23 * 3_600_000);
    expect(await redis.pttl("holdfast:key:{channel:news}:k")).toBeGreaterThan(100_000);
    while ((await redis.exists("holdfast:log:{channel:news}")) === 1);
    expect(await read(broker)).toMatchObject({ entries: [], oldest: 2, top: { offset: 1 } });
  });

  test("reading keeps the top from expiring", async () => {
    const broker = await ready();
    await broker.publish(NEWS, "1", { retention: KEEP });
    await age(redis, "holdfast:top", 23 * 3_600_000);
    await read(broker);
    expect(await redis.pttl("holdfast:top:{channel:news}")).toBeGreaterThan(23 * 3_600_000);
  });

  test("the oldest entry that is kept is found wherever age passes the limit", async () => {
    const broker = await ready();
    const sizes = { total: fc.integer({ min: 1, max: 20 }), old: fc.nat(20) };
    await fc.assert(
      fc.asyncProperty(fc.record(sizes), async ({ total, old }) => {
        await redis.flushall();
        const expired = Math.min(old, total);
        for (let i = 1; i <= expired; i++) await broker.publish(NEWS, `${i}`, { retention: KEEP });
        // By half of what it takes to expire, of which both together are more than enough.
        await age(redis, "holdfast:log", 31_000);
        for (let i = expired + 1; i <= total; i++) await broker.publish(NEWS, `${i}`, { retention: KEEP });
        await age(redis, "holdfast:log", 31_000);
        const page = await read(broker);
        expect(page.oldest).toBe(expired + 1);
        expect(page.entries.map(({ offset }) => offset)).toEqual(
          Array.from({ length: total - expired }, (_, i) => expired + 1 + i),
        );
        expect(await redis.xlen("holdfast:log:{channel:news}")).toBe(total - expired);
      }),
      { numRuns: 40 },
    );
  });

  test("a log that lost its top begins anew, with nothing of what was left", async () => {
    const broker = await ready();
    const first = await broker.publish(NEWS, "1", { retention: KEEP });
    await broker.publish(NEWS, "2", { retention: KEEP });
    await redis.del("holdfast:top:{channel:news}");
    const page = await read(broker);
    expect(page).toMatchObject({ entries: [], oldest: 1, lineage: [], top: { offset: 0 } });
    expect(page.top.epoch).not.toBe(first?.epoch);
    expect((await broker.publish(NEWS, "3", { retention: KEEP }))?.offset).toBe(1);
  });

  test("what is refused leaves no gap", async () => {
    const broker = await ready();
    await broker.publish(NEWS, "1", { retention: KEEP });
    await redis.config("SET", "maxmemory", "1");
    const refused = broker.publish(NEWS, "2", { retention: KEEP });
    await expect(refused).rejects.toMatchObject({
      name: "BrokerUnavailable" satisfies BrokerUnavailable["name"],
    });
    expect((await read(broker)).top.offset).toBe(1);
    await redis.config("SET", "maxmemory", "0");
    expect((await broker.publish(NEWS, "2", { retention: KEEP }))?.offset).toBe(2);
  });

  test("something else under a log's name is said, not guessed", async () => {
    const broker = await ready();
    await redis.hset("holdfast:top:{channel:news}", { epoch: "a b", offset: "0", replid: "0", lineage: "x" });
    await expect(read(broker)).rejects.toThrow(/something else than a log/);
    await redis.set("holdfast:log:{channel:sport}", "text");
    const publish = broker.publish(channelTopic("sport"), "1", { retention: KEEP });
    await expect(publish).resolves.toMatchObject({ offset: 1 });
  });

  test("a payload that begins with our mark and goes on otherwise is not delivered", async () => {
    const broker = await ready();
    await broker.subscribe(NEWS);
    await redis.publish("holdfast:channel:news", "\u0001hf\u0001 nonsense");
    await redis.publish("holdfast:channel:news", "end");
    expect(await opened[0]?.upTo("end")).toEqual(["end"]);
  });

  test("any data is delivered as it is with and without a log and a key, our mark in front or not", async () => {
    const broker = await ready();
    await broker.subscribe(NEWS);
    const listener = opened[0]!;
    const data = fc
      .tuple(
        fc.constantFrom("", "\u0001", "\u0001hf\u0001", "\u0001hf\u0001  ", "\u0001hf\u00011 a "),
        fc.string(),
      )
      .map((parts) => parts.join(""));
    let sent = 0;
    await fc.assert(
      fc.asyncProperty(data, fc.boolean(), fc.boolean(), async (text, kept, keyed) => {
        const at = listener.received.length;
        const end = `end ${sent++}`;
        const options = { retention: kept ? KEEP : undefined, key: keyed ? end : undefined };
        const position = await broker.publish(NEWS, text, options);
        await broker.publish(NEWS, end);
        await listener.upTo(end);
        expect(listener.received[at]).toEqual(
          position === undefined ? { topic: NEWS, data: text } : { topic: NEWS, data: text, position },
        );
        expect(position !== undefined).toBe(kept);
      }),
    );
  });

  test("a master that became a replica is left until it is one again, also where it does not hang up", async () => {
    const broker = await ready();
    await broker.publish(NEWS, "1", { retention: KEEP });
    const other = await RedisServer.start();
    try {
      await redis.replicaof("127.0.0.1", String(other.port));
      await expect(read(broker)).rejects.toThrow(/READONLY/);
      await opened[0]?.reach("connecting");
      await expect(read(broker)).rejects.toThrow();
      await redis.replicaof("NO", "ONE");
      await opened[0]?.reachAgain("ready", 2);
    } finally {
      await other.close();
    }
  });
});

function read(broker: RedisBroker, topic = NEWS): Promise<LogPage> {
  return broker.read(topic, { from: 1, limit: 100, retention: KEEP });
}
