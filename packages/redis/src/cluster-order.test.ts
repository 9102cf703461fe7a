/**
 * The order of pipelined publications while a Cluster changes under them: what Redis sends back is not
 * overtaken.
 */
import { channelTopic, noMetrics, silentLogger, systemClock } from "@holdfast/core";
import { BrokerListener } from "@holdfast/core/testing";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Cluster } from "ioredis";
import { slotOf } from "./connection/slot.js";
import { RedisKeys } from "./keys.js";
import { SeamsOnRedis } from "./seams-on-redis.js";
import { parseRedisUrl, type RedisTarget } from "./target.js";
import { RedisCluster } from "./testing/index.js";

const SEAMS = { clock: systemClock, logger: silentLogger, metrics: noMetrics, random: Math.random };
const KEPT = { size: 100_000, ttlMs: 600_000 };
/** Publications that may have no answer yet, and those of one turn of the loop. */
const PIPELINED = 1500;
const PER_TURN = 10;
/** Publications behind the change. */
const AFTERWARDS = 300;

describe("the order of pipelined publications on a Redis Cluster", () => {
  let cluster: RedisCluster;
  let backend: Cluster;
  let listener: BrokerListener;
  const keys = new RedisKeys("holdfast:");
  beforeAll(async () => {
    cluster = await RedisCluster.start();
    backend = new Cluster(cluster.members.map(({ port }) => ({ port, host: "127.0.0.1" })));
    const target = parseRedisUrl(cluster.url) as RedisTarget;
    listener = new BrokerListener(new SeamsOnRedis({ target, commandTimeoutMs: 10_000 }, SEAMS).broker);
    await listener.reach("ready");
  }, 60_000);
  afterAll(async () => {
    await listener.broker.close();
    backend.disconnect();
    await cluster.close();
  });

  /** Publishes numbers for as long as the work takes, and some more. Returns those that Redis took. */
  async function during(
    topic: ReturnType<typeof channelTopic>,
    work: () => Promise<void>,
  ): Promise<number[]> {
    const taken: number[] = [];
    let enough = Number.POSITIVE_INFINITY;
    const worked = work().finally(() => {
      enough = taken.length + AFTERWARDS;
    });
    const published: Promise<void>[] = [];
    while (taken.length < enough) {
      await listener.reach("ready");
      for (let i = 0; i < PER_TURN; i++) {
        const number = published.length;
        const options = number % 5 === 3 ? { key: `k${number}`, retention: KEPT } : { retention: KEPT };
        const publishing = listener.broker.publish(topic, `${number}`, options);
        published.push(publishing.then(() => void taken.push(number)).catch(() => {}));
      }
      await new Promise(setImmediate);
      await published[published.length - PIPELINED];
    }
    await worked;
    await Promise.all(published);
    return taken.sort((a, b) => a - b);
  }

  /** What the log has, in its order. */
  async function kept(topic: ReturnType<typeof channelTopic>): Promise<number[]> {
    const entries = await backend.xrange(keys.log(topic), "-", "+");
    return entries.map(([, fields]) => Number(fields.find((field) => /^\d+$/.test(field))));
  }

  test("holds while their slot moves from master to master and back", async () => {
    const topic = channelTopic("moved");
    const slot = slotOf(keys.log(topic));
    const pause = () => new Promise<void>(setImmediate);
    const taken = await during(topic, async () => {
      for (const to of [0, 1, 2, 0, 1, 2]) await cluster.moveSlot(slot, to, pause);
    });
    expect(await kept(topic)).toEqual(taken);
  }, 60_000);

  test("holds over a master that is promoted and has no scripts", async () => {
    const topic = channelTopic("promoted");
    const owner = Math.floor((slotOf(keys.log(topic)) * 3) / 16_384);
    const replica = await cluster.addReplica(owner);
    const taken = await during(topic, () => cluster.promote(replica));
    const log = await kept(topic);
    // What had no answer may be there all the same.
    expect(log).toEqual([...log].sort((a, b) => a - b));
    expect(log.filter((number) => taken.includes(number))).toEqual(taken);
  }, 60_000);
});
