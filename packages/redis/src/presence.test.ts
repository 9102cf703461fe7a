import {
  MAX_CHANGES,
  noMetrics,
  type PresenceRule,
  presenceTopic,
  silentLogger,
  systemClock,
} from "@holdfast/core";
import { BrokerListener } from "@holdfast/core/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { RedisKeys } from "./keys.js";
import type { RedisSeams } from "./options.js";
import { SeamsOnRedis } from "./seams-on-redis.js";
import { parseRedisUrl, type RedisTarget } from "./target.js";
import { RedisServer } from "./testing/index.js";

const SEAMS: RedisSeams = {
  clock: systemClock,
  logger: silentLogger,
  metrics: noMetrics,
  random: Math.random,
};
const FAST = { commandTimeoutMs: 2000, pingIntervalMs: 50, minRetryDelayMs: 10, maxRetryDelayMs: 50 };
const RULE: PresenceRule = { joinLeave: "session", maxListed: 500 };

describe("presence on one server", () => {
  let server: RedisServer;
  let redis: Redis;
  const listeners: BrokerListener[] = [];
  beforeAll(async () => {
    server = await RedisServer.start();
    redis = new Redis(server.port, "127.0.0.1");
  });
  afterEach(async () => {
    await Promise.all(listeners.splice(0).map(({ broker }) => broker.close()));
  });
  afterAll(async () => {
    redis.disconnect();
    await server.close();
  });

  async function ready(prefix: string): Promise<SeamsOnRedis> {
    const target = parseRedisUrl(server.url) as RedisTarget;
    const seams = new SeamsOnRedis({ target, prefix, ...FAST }, SEAMS);
    const listener = new BrokerListener(seams.broker);
    listeners.push(listener);
    await listener.reach("ready");
    return seams;
  }

  test("transitions are added to a stream, in the step that makes them", async () => {
    const seams = await ready("events:");
    const store = seams.presence(1000);
    const { until } = await store.renew("w.1", 60_000, true);
    const member = { session: "a", text: '{"session":"a"}' };
    await store.change("news", { id: "w.1", until }, [{ kind: "put", member }], RULE);
    const { version } = await store.read("news", 0);
    await store.end("w.1");
    const entries = await redis.xrange("events:events", "-", "+");
    const time = expect.stringMatching(/^\d{13}$/);
    const event = (type: string, at: number) => [
      ...["event", type, "time", time],
      ...["channel", "news", "version", `${at}`],
    ];
    expect(entries.map(([, fields]) => fields)).toEqual([
      event("occupied", version),
      event("vacated", version + 1),
    ]);
  });

  test("100,000 members of one channel join, are listed and leave in short steps", async () => {
    const seams = await ready("big:");
    const store = seams.presence();
    const { until } = await store.renew("w.1", 60_000, true);
    const members = 100_000;
    const lease = { id: "w.1", until };
    const batches: Promise<unknown>[] = [];
    await redis.config("RESETSTAT");
    for (let i = 0; i < members; i += MAX_CHANGES) {
      const changes = Array.from({ length: Math.min(MAX_CHANGES, members - i) }, (_, j) => {
        const session = `s${String(i + j).padStart(15, "0")}`;
        const user = `u${(i + j) % 60_000}`;
        return { kind: "put" as const, member: { session, user, text: JSON.stringify({ user, session }) } };
      });
      batches.push(store.change("big", lease, changes, RULE));
      if (batches.length === 16) await Promise.all(batches.splice(0));
    }
    await Promise.all(batches);
    let seen = 0;
    let cursor: string | undefined;
    do {
      const page = await store.read("big", 1000, cursor);
      seen += page.members.length;
      cursor = page.next;
    } while (cursor !== undefined);
    expect(seen).toBe(members);
    expect(await store.read("big", 0)).toMatchObject({ users: 60_000, sessions: members });
    await store.end("w.1");
    expect(await store.read("big", 0)).toMatchObject({ users: 0, sessions: 0 });
    const [, usec] = /cmdstat_evalsha:.*usec_per_call=([\d.]+)/.exec(await redis.info("commandstats")) ?? [];
    expect(Number(usec) / 1000).toBeLessThan(10);
  }, 60_000);

  test("a server that came back empty begins above what it had", async () => {
    const seams = await ready("lost:");
    const store = seams.presence();
    const { until } = await store.renew("w.1", 60_000, true);
    const change = [{ kind: "put", member: { session: "a", text: '{"session":"a"}' } }] as const;
    await store.change("news", { id: "w.1", until }, change, RULE);
    const before = await store.read("news", 10);
    await redis.flushall();
    expect(await store.renew("w.1", 60_000, false)).toMatchObject({ held: false });
    await store.change("news", { id: "w.1", until }, change, RULE);
    const after = await store.read("news", 10);
    expect(after.version).toBeGreaterThan(before.version);
    expect(after.members).toEqual(before.members);
  });

  test("the end of a lease is not held up by channels that Redis refuses", async () => {
    const seams = await ready("stuck:");
    const keys = new RedisKeys("stuck:");
    const store = seams.presence();
    const { until } = await store.renew("w.1", 60_000, true);
    const channels = Array.from({ length: 70 }, (_, i) => `room${i}`);
    const change = [{ kind: "put", member: { session: "a", text: '{"session":"a"}' } }] as const;
    for (const channel of channels) await store.change(channel, { id: "w.1", until }, change, RULE);
    const [refused, others] = [channels.slice(0, 40), channels.slice(40)];
    const [members = ""] = keys.presence(presenceTopic("room0"));
    const away = refused.map((channel) => members.replace("room0", channel));
    for (const key of away) await redis.rename(key, `${key}:away`);
    for (const key of away) await redis.set(key, "text");
    await expect(store.end("w.1")).rejects.toThrow("WRONGTYPE");
    for (const channel of others) expect(await store.read(channel, 0)).toMatchObject({ sessions: 0 });
    for (const key of away) await redis.rename(`${key}:away`, key);
    await store.end("w.1");
    for (const channel of channels) expect(await store.read(channel, 0)).toMatchObject({ sessions: 0 });
    expect(await redis.exists(keys.leaseChannels("w.1"))).toBe(0);
    expect(await redis.zcard(keys.endingLeases)).toBe(0);
  });

  test("what is not presence under the names of it is an error", async () => {
    const seams = await ready("odd:");
    const keys = new RedisKeys("odd:");
    await redis.set(keys.presence(presenceTopic("news"))[3] ?? "", "text");
    await expect(seams.presence().read("news", 10)).rejects.toThrow("WRONGTYPE");
  });
});
