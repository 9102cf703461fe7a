import { CONTROL, channelTopic, noMetrics, silentLogger, systemClock } from "@holdfast/core";
import { BrokerListener } from "@holdfast/core/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import type { RedisSeams } from "../options.js";
import { SeamsOnRedis } from "../seams-on-redis.js";
import { parseRedisUrl, type RedisTarget } from "../target.js";
import { RedisCluster, type RedisServer } from "../testing/index.js";

const SEAMS: RedisSeams = {
  clock: systemClock,
  logger: silentLogger,
  metrics: noMetrics,
  random: Math.random,
};
const FAST = { commandTimeoutMs: 1000, pingIntervalMs: 50, minRetryDelayMs: 10, maxRetryDelayMs: 100 };

describe("RedisBroker on a Redis Cluster", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await RedisCluster.start();
  }, 30_000);
  afterAll(() => cluster.close());

  const started: BrokerListener[] = [];
  afterEach(async () => {
    await Promise.all(started.splice(0).map(({ broker }) => broker.close()));
  });

  async function ready(options: { prefix?: string } = {}): Promise<BrokerListener> {
    const listener = new BrokerListener(create(options).broker);
    started.push(listener);
    await listener.reach("ready");
    return listener;
  }

  function create(options: { prefix?: string } = {}): SeamsOnRedis {
    return new SeamsOnRedis(
      { target: parseRedisUrl(cluster.url) as RedisTarget, ...FAST, ...options },
      SEAMS,
    );
  }

  test("a backend may publish through any member", async () => {
    const listener = await ready();
    const topics = Array.from({ length: 20 }, (_, i) => channelTopic(`room:${i}`));
    await Promise.all(topics.map((topic) => listener.broker.subscribe(topic)));
    for (const { port } of cluster.members) {
      const backend = new Redis(port, "127.0.0.1");
      for (const topic of topics) await backend.publish(`holdfast:${topic}`, `${topic} from ${port}`);
      backend.disconnect();
      await Promise.all(topics.map((topic) => listener.upTo(`${topic} from ${port}`)));
    }
    expect(listener.received).toHaveLength(topics.length * cluster.members.length);
  });

  test("revocations and what is spent are kept in one slot each, and told to all", async () => {
    const [one, two] = [create({ prefix: "rev:" }), create({ prefix: "rev:" })];
    const listeners = [one, two].map(({ broker }) => new BrokerListener(broker));
    started.push(...listeners);
    await Promise.all(listeners.map((each) => each.reach("ready")));
    await two.broker.subscribe(CONTROL);
    const [store, other] = [one.revocations(), two.revocations()];
    const until = Date.now() + 60_000;
    await store.add([{ subject: "user:a", at: 1, until }]);
    const order = `{"op":"revoke","user":"a","at":1,"until":${until},"stored":true}`;
    expect(await listeners[1]?.upTo(order)).toHaveLength(1);
    expect((await other.list(0)).revocations).toEqual([{ subject: "user:a", at: 1, until }]);
    expect([await store.spend("t", 30_000), await other.spend("t", 30_000)]).toEqual([true, false]);
  });

  test("a publisher's order holds from its first publication on, over topics of every slot", async () => {
    const [listener, publisher] = await Promise.all([ready(), ready()]);
    const topics = Array.from({ length: 9 }, (_, i) => channelTopic(`order:${i}`));
    await Promise.all(topics.map((topic) => listener.broker.subscribe(topic)));
    const sent = Array.from({ length: 20 }, (_, i) => `${i}`);
    await Promise.all(sent.flatMap((data) => topics.map((topic) => publisher.broker.publish(topic, data))));
    await Promise.all(topics.map((topic) => publisher.broker.publish(topic, `end ${topic}`)));
    await Promise.all(topics.map((topic) => listener.upTo(`end ${topic}`)));
    for (const topic of topics) {
      const received = listener.received.filter((each) => each.topic === topic).map(({ data }) => data);
      expect(received).toEqual([...sent, `end ${topic}`]);
    }
  });

  test("when the member that is listened to stops, another takes over with every subscription", async () => {
    const prefix = "takeover:";
    const listener = await ready({ prefix });
    const topics = Array.from({ length: 30 }, (_, i) => channelTopic(`room:${i}`));
    await Promise.all(topics.map((topic) => listener.broker.subscribe(topic)));
    const member = await subscribedMember(prefix);
    member.pause();
    await listener.reach("connecting");
    member.resume();
    await listener.reach("ready");
    const backend = new Redis(cluster.members[0]!.port, "127.0.0.1");
    await Promise.all(topics.map((topic) => backend.publish(prefix + topic, topic)));
    backend.disconnect();
    await Promise.all(topics.map((topic) => listener.upTo(topic)));
  });

  test("closing while it connects leaves no connection behind, at whatever moment", async () => {
    const clients = cluster.members.map(({ port }) => new Redis(port, "127.0.0.1"));
    for (let turns = 0; turns < 60; turns += 2) {
      const listener = new BrokerListener(create().broker);
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      await listener.broker.close();
    }
    for (const client of clients) {
      // Redis notices a hang-up in its next turn: asking is waiting.
      while (
        String(await client.client("LIST"))
          .trim()
          .split("\n").length > 1
      );
      client.disconnect();
    }
  });

  /** The member that a broker with this prefix listens to. */
  async function subscribedMember(prefix: string): Promise<RedisServer> {
    for (const member of cluster.members) {
      const client = new Redis(member.port, "127.0.0.1");
      const channels = await client.pubsub("CHANNELS", `${prefix}*`);
      client.disconnect();
      if (channels.length > 0) return member;
    }
    throw new Error("nobody listens");
  }
});
