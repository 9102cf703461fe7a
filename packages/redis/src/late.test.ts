/**
 * Publications that had reached a Redis that stood still are not carried out after they were refused.
 */
import { BrokerUnavailable, channelTopic, noMetrics, silentLogger, systemClock } from "@holdfast/core";
import { BrokerListener } from "@holdfast/core/testing";
import { afterEach, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { SeamsOnRedis } from "./seams-on-redis.js";
import { parseRedisUrl, type RedisTarget } from "./target.js";
import { RedisCluster, RedisServer } from "./testing/index.js";

const SEAMS = { clock: systemClock, logger: silentLogger, metrics: noMetrics, random: Math.random };
const TIMEOUT_MS = 400;
const FAST = {
  commandTimeoutMs: TIMEOUT_MS,
  pingIntervalMs: 60_000,
  roleIntervalMs: 60_000,
  minRetryDelayMs: 20,
  maxRetryDelayMs: 100,
};
const TIDE = channelTopic("tide");
const RETENTION = { size: 50, ttlMs: 60_000 };
const KINDS = [
  ["that are kept", { retention: RETENTION }],
  ["with a key", { key: "k" }],
] as const;

const closing: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of closing.splice(0).reverse()) await each.close();
});

async function listen(url: string): Promise<BrokerListener> {
  const target = parseRedisUrl(url) as RedisTarget;
  const listener = new BrokerListener(new SeamsOnRedis({ target, ...FAST }, SEAMS).broker);
  closing.push(listener.broker);
  await listener.reach("ready");
  await listener.broker.subscribe(TIDE);
  return listener;
}

/** Publishes while the servers stand still, then lets them go on, and publishes again. */
async function standstill(
  listener: BrokerListener,
  servers: readonly RedisServer[],
  options: (n: number) => object,
): Promise<string[]> {
  await listener.broker.publish(TIDE, "before", options(0));
  // The answer may be here before the message: the link that brings that ends meanwhile.
  await listener.upTo("before");
  for (const server of servers) server.pause();
  const late = [1, 2, 3].map((n) => listener.broker.publish(TIDE, `late${n}`, options(n)));
  for (const outcome of await Promise.allSettled(late)) {
    expect(outcome).toMatchObject({ status: "rejected", reason: expect.any(BrokerUnavailable) });
  }
  for (const server of servers) server.resume();
  for (let n = 4; ; n++) {
    await listener.reach("ready");
    const done = listener.broker.publish(TIDE, "after", options(n)).then(
      () => true,
      () => false,
    );
    if (await done) break;
  }
  return (await listener.upTo("after")).map(String);
}

describe("a Redis that stood still", () => {
  test.each(KINDS)("carries out nothing late of publications %s", async (_, options) => {
    const server = await RedisServer.start();
    closing.push(server);
    const listener = await listen(server.url);
    // The link of the gateway ends meanwhile; this one hears all that Redis carries out.
    const heard: string[] = [];
    const observer = new Redis(server.port, "127.0.0.1");
    closing.push({ close: () => observer.disconnect() });
    observer.on("message", (_channel, payload) => heard.push(payload));
    await observer.subscribe("holdfast:channel:tide");
    const numbered = (n: number) => ("key" in options ? { key: `k${n}` } : options);
    expect(await standstill(listener, [server], numbered)).toEqual(["before", "after"]);
    while (!heard.some((payload) => payload.endsWith("after"))) await new Promise(setImmediate);
    expect(heard.map((payload) => payload.split(" ").at(-1))).toEqual(["before", "after"]);
    if ("retention" in options) {
      const page = await listener.broker.read(TIDE, { from: 1, limit: 10, retention: RETENTION });
      expect(page.entries.map(({ data }) => data)).toEqual(["before", "after"]);
    }
  });

  test("nor a Cluster, of publications that are not kept either", async () => {
    const cluster = await RedisCluster.start();
    closing.push(cluster);
    const listener = await listen(cluster.url);
    expect(await standstill(listener, cluster.members, () => ({}))).toEqual(["before", "after"]);
  }, 40_000);

  test("a user that may not ask for the time publishes without deadlines", async () => {
    const server = await RedisServer.start();
    closing.push(server);
    const admin = new Redis(server.port, "127.0.0.1");
    closing.push({ close: () => admin.disconnect() });
    await admin.acl("SETUSER", "gate", "on", ">pw", "~*", "&*", "+@all", "-time");
    const listener = await listen(`redis://gate:pw@127.0.0.1:${server.port}`);
    await listener.broker.publish(TIDE, "told", { key: "k" });
    await listener.upTo("told");
  });
});
