/**
 * Logs that were damaged from outside, and publications of which Redis refuses one command of several.
 */
import { BrokerUnavailable, channelTopic, noMetrics, silentLogger, systemClock } from "@holdfast/core";
import { BrokerListener } from "@holdfast/core/testing";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import type { RedisBroker } from "./broker.js";
import { SeamsOnRedis } from "./seams-on-redis.js";
import { parseRedisUrl, type RedisTarget } from "./target.js";
import { RedisServer } from "./testing/index.js";

const SEAMS = { clock: systemClock, logger: silentLogger, metrics: noMetrics, random: Math.random };
const FAST = { commandTimeoutMs: 2000, pingIntervalMs: 50, minRetryDelayMs: 10, maxRetryDelayMs: 50 };
const SPORT = channelTopic("sport");
const RETENTION = { size: 20, ttlMs: 60_000 };
const LOG = "holdfast:log:{channel:sport}";
const TOP = "holdfast:top:{channel:sport}";

describe("a log that Redis does not let us use as before", () => {
  let server: RedisServer;
  let admin: Redis;
  let listener: BrokerListener;
  let broker: RedisBroker;
  beforeEach(async () => {
    server = await RedisServer.start();
    admin = new Redis(server.port, "127.0.0.1");
    await admin.acl("SETUSER", "gate", "on", ">pw", "~*", "&*", "+@all");
    const target = parseRedisUrl(`redis://gate:pw@127.0.0.1:${server.port}`) as RedisTarget;
    broker = new SeamsOnRedis({ target, ...FAST }, SEAMS).broker;
    listener = new BrokerListener(broker);
    await listener.reach("ready");
    await broker.subscribe(SPORT);
  });
  afterEach(async () => {
    await broker.close();
    admin.disconnect();
    await server.close();
  });

  const publish = (data: string, key?: string) =>
    broker.publish(SPORT, data, { retention: RETENTION, ...(key !== undefined && { key }) });
  async function kept(): Promise<string[]> {
    const page = await broker.read(SPORT, { from: 1, limit: 100, retention: RETENTION });
    return page.entries.map(({ offset, data }) => `${offset} ${data}`);
  }

  // Each command that writes, and PEXPIRE and TIME beside them.
  test.each(["set", "xadd", "hset", "pexpire", "time", "get", "hmget"])(
    "while %s is refused nothing is kept or told, and afterwards all goes on",
    async (command) => {
      await publish("before", "k0");
      await admin.acl("SETUSER", "gate", `-${command}`);
      for (let i = 0; i < 3; i++) await expect(publish("never", "k1")).rejects.toThrow(BrokerUnavailable);
      await admin.acl("SETUSER", "gate", `+${command}`);
      expect(await kept()).toEqual(["1 before"]);
      const { epoch } = (await publish("after", "k1")) ?? {};
      expect(await publish("after", "k1")).toEqual({ offset: 2, epoch });
      expect(await listener.upTo("after")).toEqual(["before", "after"]);
      expect(await kept()).toEqual(["1 before", "2 after"]);
    },
  );

  test("a publication that only PUBLISH refuses is kept once, however often it is repeated", async () => {
    await admin.acl("SETUSER", "gate", "-publish");
    await expect(publish("kept", "k1")).rejects.toThrow(BrokerUnavailable);
    expect(await publish("kept", "k1")).toMatchObject({ offset: 1 });
    expect(await kept()).toEqual(["1 kept"]);
  });

  test("one that is not kept has not used its key up", async () => {
    await admin.acl("SETUSER", "gate", "-publish");
    await expect(broker.publish(SPORT, "told", { key: "k2" })).rejects.toThrow(BrokerUnavailable);
    await admin.acl("SETUSER", "gate", "+publish");
    await broker.publish(SPORT, "told", { key: "k2" });
    await broker.publish(SPORT, "again", { key: "k2" });
    await broker.publish(SPORT, "end");
    expect(await listener.upTo("end")).toEqual(["told", "end"]);
  });

  test("entries that were added to it by hand are not read, and give way", async () => {
    await publish("one");
    for (let i = 0; i < 30; i++) await admin.xadd(LOG, "*", "text", "by hand");
    await admin.xadd(LOG, "1-7", "text", "by hand").catch(() => {});
    expect(await kept()).toEqual(["1 one"]);
    expect(await publish("two")).toMatchObject({ offset: 2 });
    expect(await publish("three")).toMatchObject({ offset: 3 });
    expect(await kept()).toEqual(["1 one", "2 two", "3 three"]);
  });

  test("an empty one that was added to by hand takes its first publication", async () => {
    expect(await kept()).toEqual([]);
    await admin.xadd(LOG, "*", "text", "by hand");
    expect(await kept()).toEqual([]);
    expect(await publish("one")).toMatchObject({ offset: 1 });
    expect(await kept()).toEqual(["1 one"]);
  });

  test.each([
    ["publish", () => publish("two")],
    ["read", () => kept()],
  ])("a text in the place of the stream: %s goes on without what it had replaced", async (_, first) => {
    await publish("one");
    await admin.set(LOG, "a text");
    await first();
    expect(await publish("last")).toMatchObject({ offset: _ === "publish" ? 3 : 2 });
    expect((await kept()).at(-1)).toBe(_ === "publish" ? "3 last" : "2 last");
  });

  test("a list in the place of the top: another epoch begins", async () => {
    const before = await publish("one");
    await admin.del(TOP);
    await admin.rpush(TOP, "a", "list");
    const after = await publish("two");
    expect(after?.offset).toBe(1);
    expect(after?.epoch).not.toBe(before?.epoch);
    expect(await kept()).toEqual(["1 two"]);
  });
});
