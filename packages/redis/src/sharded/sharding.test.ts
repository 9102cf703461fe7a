/**
 * Sharded pub/sub on a real Redis Cluster: what goes where, and what listeners hear while slots move and
 * masters fail.
 */
import { CONTROL, channelTopic, noMetrics, silentLogger, systemClock } from "@holdfast/core";
import { BrokerListener, CoreWorld, type FakeClient } from "@holdfast/core/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { slotOf } from "../connection/slot.js";
import { RedisKeys } from "../keys.js";
import type { ShardedSetting } from "../options.js";
import { SeamsOnRedis } from "../seams-on-redis.js";
import { parseRedisUrl, type RedisTarget } from "../target.js";
import { RedisCluster } from "../testing/index.js";

const SEAMS = { clock: systemClock, logger: silentLogger, metrics: noMetrics, random: Math.random };
const FAST = { commandTimeoutMs: 2000, pingIntervalMs: 50, minRetryDelayMs: 10, maxRetryDelayMs: 50 };
const KEPT = { size: 100_000, ttlMs: 600_000 };
const NEWS = channelTopic("news");
const keys = new RedisKeys("holdfast:");

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await RedisCluster.start();
}, 30_000);
afterAll(() => cluster.close());

const started: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((each) => each.close()));
});

function create(sharded: ShardedSetting = "auto"): SeamsOnRedis {
  const target = parseRedisUrl(cluster.url) as RedisTarget;
  const seams = new SeamsOnRedis({ target, sharded, ...FAST }, SEAMS);
  started.push(seams.broker);
  return seams;
}

async function ready(sharded: ShardedSetting = "auto"): Promise<BrokerListener> {
  const listener = new BrokerListener(create(sharded).broker);
  await listener.reach("ready");
  return listener;
}

/** Asks each master. */
async function ofEach<T>(ask: (master: Redis, at: number) => Promise<T>): Promise<T[]> {
  const clients = cluster.members.map(({ port }) => new Redis(port, "127.0.0.1"));
  try {
    return await Promise.all(clients.map(ask));
  } finally {
    for (const client of clients) client.disconnect();
  }
}

/** How often the masters were asked for a command, in all. */
async function calls(command: string): Promise<number> {
  const counts = await ofEach(async (master) => {
    const stats = await master.info("commandstats");
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  });
  return counts.reduce((sum, count) => sum + count, 0);
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe("sharded pub/sub", () => {
  test("a channel's publications go to the master of its slot and to no other member", async () => {
    const [one, two] = await Promise.all([ready(), ready()]);
    const topics = Array.from({ length: 30 }, (_, i) => channelTopic(`room:${i}`));
    await Promise.all(topics.flatMap((topic) => [one, two].map(({ broker }) => broker.subscribe(topic))));
    const before = await calls("spublish");
    for (const topic of topics) {
      await one.broker.publish(topic, `bare ${topic}`);
      await one.broker.publish(topic, `kept ${topic}`, { retention: KEPT });
      await one.broker.publish(topic, `once ${topic}`, { key: "k" });
    }
    await Promise.all(topics.flatMap((topic) => [one, two].map((each) => each.upTo(`once ${topic}`))));
    expect((await calls("spublish")) - before).toBe(3 * topics.length);
    for (const { received } of [one, two]) expect(received).toHaveLength(3 * topics.length);
    const listeners = await ofEach(
      (master) => master.pubsub("SHARDCHANNELS", "holdfast:*") as Promise<string[]>,
    );
    expect(listeners.flat()).toHaveLength(topics.length);
    for (const channels of listeners) expect(channels.length).toBeGreaterThan(0);
  });

  test("a backend reaches listeners by PUBLISH through any member, and by SPUBLISH", async () => {
    const listener = await ready();
    await Promise.all([listener.broker.subscribe(NEWS), listener.broker.subscribe(CONTROL)]);
    await ofEach((master, at) => master.publish(`holdfast:${NEWS}`, `plain ${at}`));
    const backend = new Redis.Cluster(cluster.members.map(({ port }) => ({ host: "127.0.0.1", port })));
    await backend.spublish(`holdfast:{${NEWS}}`, "sharded");
    await backend.publish(`holdfast:${CONTROL}`, "order");
    backend.disconnect();
    const expected = ["plain 0", "plain 1", "plain 2", "sharded", "order"];
    await Promise.all(expected.map((data) => listener.upTo(data)));
    expect(listener.received.map(({ data }) => data).sort()).toEqual([...expected].sort());
  });

  test("where one listener hears plain channels only, all publish there until it has gone", async () => {
    const old = await ready("off");
    await Promise.all([old.broker.subscribe(CONTROL), old.broker.subscribe(NEWS)]);
    const one = await ready();
    await Promise.all([one.broker.subscribe(CONTROL), one.broker.subscribe(NEWS)]);
    await one.broker.publish(NEWS, "1", { retention: KEPT });
    await Promise.all([one.upTo("1"), old.upTo("1")]);
    const before = await calls("spublish");
    await one.broker.publish(NEWS, "2");
    await Promise.all([one.upTo("2"), old.upTo("2")]);
    expect(await calls("spublish")).toBe(before);
    await old.broker.close();
    let sent = 2;
    await until(async () => {
      await one.broker.publish(NEWS, `${++sent}`);
      return (await calls("spublish")) > before;
    });
    // What still took the way over all members may come behind.
    await until(() => one.received.length >= sent);
    const heard = one.received.map(({ data }) => Number(data)).sort((a, b) => a - b);
    expect(heard).toEqual(Array.from({ length: sent }, (_, i) => i + 1));
  });

  test("users that may not SPUBLISH publish plainly with auto, and with on the link does not come up", async () => {
    await ofEach((master) =>
      master.call("ACL", "SETUSER", "plain", "on", ">pw", "~*", "&*", "+@all", "-spublish"),
    );
    const target = parseRedisUrl(cluster.url.replace("://", "://plain:pw@")) as RedisTarget;
    const seams = new SeamsOnRedis({ target, ...FAST }, SEAMS);
    started.push(seams.broker);
    const listener = new BrokerListener(seams.broker);
    await listener.reach("ready");
    await listener.broker.subscribe(NEWS);
    await listener.broker.publish(NEWS, "heard");
    await listener.upTo("heard");
    const warnings: object[] = [];
    const logger = { ...silentLogger, error: (fields: object) => void warnings.push(fields) };
    const strict = new SeamsOnRedis({ target, sharded: "on", ...FAST }, { ...SEAMS, logger });
    started.push(strict.broker);
    const refused = new BrokerListener(strict.broker);
    await until(() => warnings.length > 0);
    expect(refused.broker.state).toBe("connecting");
    expect(JSON.stringify(warnings)).toContain("redisSharded is on");
  });
});

describe("sharded pub/sub under change", () => {
  const CHANNELS = Array.from({ length: 12 }, (_, i) => `kept:${i}`);
  const topics = CHANNELS.map(channelTopic);
  /** Publications behind a change. */
  const AFTERWARDS = 50;

  /** A core on this broker with one client that listens to all channels. */
  async function listening(): Promise<{ client: FakeClient; world: CoreWorld<SeamsOnRedis["broker"]> }> {
    const namespaces = { kept: { historySize: KEPT.size, historyTtlMs: KEPT.ttlMs } };
    const { broker } = create();
    const world = new CoreWorld(broker, { namespaces }, undefined, { clock: systemClock });
    await until(() => broker.state === "ready");
    const client = world.client();
    client.connect();
    for (const channel of CHANNELS) client.subscribe(channel);
    await until(() => client.transport.messages.join("").split('"subscribe"').length > CHANNELS.length);
    return { client, world };
  }

  /** Publishes numbers on each channel while `work` runs, and some more. Returns those that were taken. */
  async function during(work: () => Promise<void>): Promise<Map<string, number[]>> {
    const publisher = await ready();
    const taken = new Map(CHANNELS.map((channel) => [channel, [] as number[]]));
    let left = Number.POSITIVE_INFINITY;
    const worked = work().finally(() => {
      left = AFTERWARDS;
    });
    for (let number = 1; left > 0; number++, left--) {
      await Promise.all(
        topics.map(async (topic, at) => {
          await publisher.broker.publish(topic, `${number}`, { retention: KEPT }).then(
            () => taken.get(CHANNELS[at] ?? "")?.push(number),
            () => {},
          );
        }),
      );
    }
    await worked;
    return taken;
  }

  async function holds(
    client: FakeClient,
    taken: ReadonlyMap<string, readonly number[]>,
    world: CoreWorld<SeamsOnRedis["broker"]>,
  ): Promise<void> {
    for (const [channel, numbers] of taken) {
      await until(() => client.data(channel).includes(numbers.at(-1) ?? 0));
      const heard = client.data(channel).map(Number);
      expect(new Set(heard).size).toBe(heard.length);
      expect(heard.filter((number) => numbers.includes(number))).toEqual(numbers);
    }
    expect(client.transport.messages.join("")).not.toContain('"gap"');
    expect(world.logger.lines.filter(({ level }) => level === "warn" || level === "error")).toEqual([]);
  }

  test("while slots move from master to master nothing kept is lost, and nothing comes twice", async () => {
    const { client, world } = await listening();
    const pause = () => new Promise<void>(setImmediate);
    const taken = await during(async () => {
      for (let round = 0; round < 2; round++)
        for (const topic of topics) await cluster.moveSlot(slotOf(keys.log(topic)), round % 3, pause);
    });
    await holds(client, taken, world);
    expect(world.metrics.count("topics_skipped")).toBeGreaterThan(0);
  }, 60_000);

  test("without history nothing is lost while a slot is on its way, and a gap is told once it has moved", async () => {
    const listener = await ready();
    const skipped: string[] = [];
    Object.assign(listener, { skipped: (topic: string) => skipped.push(topic) });
    await listener.broker.subscribe(NEWS);
    const slot = slotOf(keys.log(NEWS));
    const publisher = await ready();
    await publisher.broker.publish(NEWS, "key", { retention: KEPT });
    let sent = 0;
    // In between the keys are at the new master, and the subscribers at the old one.
    await cluster.moveSlot(slot, 0, async () => {});
    await cluster.moveSlot(slot, 1, async () => {
      for (let i = 0; i < 20; i++) await publisher.broker.publish(NEWS, `${++sent}`);
    });
    await until(() => skipped.length > 0);
    // What took the way over other members may come behind.
    const heard = () => listener.received.map(({ data }) => Number(data)).filter((number) => number > 0);
    await until(() => heard().length >= sent);
    expect(heard().sort((a, b) => a - b)).toEqual(Array.from({ length: sent }, (_, i) => i + 1));
    expect(new Set(skipped)).toEqual(new Set([NEWS]));
  }, 60_000);

  test("over a failover nothing kept is lost, and nothing comes twice", async () => {
    const { client, world } = await listening();
    const replica = await cluster.addReplica(0);
    const taken = await during(() => cluster.promote(replica));
    await holds(client, taken, world);
  }, 60_000);
});
