/**
 * Three servers, each with its part: what is where, and what an outage of one leaves alone.
 */
import { BROADCAST, channelTopic, noMetrics, presenceTopic, silentLogger, systemClock } from "@holdfast/core";
import { BrokerListener } from "@holdfast/core/testing";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { parseRedisUrl, type RedisTarget } from "../target.js";
import { RedisCluster, RedisServer } from "../testing/index.js";
import { PlacedSeams } from "./placed-seams.js";

const SEAMS = { clock: systemClock, logger: silentLogger, metrics: noMetrics, random: Math.random };
const FAST = { commandTimeoutMs: 500, pingIntervalMs: 50, minRetryDelayMs: 10, maxRetryDelayMs: 50 };
const RETENTION = { size: 10, ttlMs: 60_000 };
const KEPT = channelTopic("kept:1");
const LIVE = channelTopic("live:1");

let rest: RedisServer;
let history: RedisServer;
let presence: RedisServer;
beforeAll(async () => {
  [rest, history, presence] = await Promise.all([
    RedisServer.start(),
    RedisServer.start(),
    RedisServer.start(),
  ]);
});
afterAll(() => Promise.all([rest, history, presence].map((server) => server.close())));

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function create(urls: Partial<Record<"rest" | "history" | "presence", string>> = {}): PlacedSeams {
  const target = (url: string): RedisTarget => parseRedisUrl(url) as RedisTarget;
  return new PlacedSeams(
    {
      target: target(urls.rest ?? rest.url),
      history: target(urls.history ?? history.url),
      presence: target(urls.presence ?? presence.url),
    },
    FAST,
    SEAMS,
    (channel) => (channel.startsWith("kept") ? RETENTION : undefined),
  );
}

async function ready(seams = create()): Promise<{ seams: PlacedSeams; listener: BrokerListener }> {
  const listener = new BrokerListener(seams.broker);
  closing.push(() => seams.broker.close());
  await listener.reach("ready");
  await allReady(seams);
  return { seams, listener };
}

async function allReady({ broker }: PlacedSeams): Promise<void> {
  while (broker.state !== "ready" || Object.values(broker.apart ?? {}).some((state) => state !== "ready"))
    await new Promise(setImmediate);
}

async function keysOf({ port }: RedisServer): Promise<readonly string[]> {
  const client = new Redis(port, "127.0.0.1");
  const keys = await client.keys("*");
  client.disconnect();
  return keys.sort();
}

async function channelsOf({ port }: RedisServer): Promise<readonly string[]> {
  const client = new Redis(port, "127.0.0.1");
  const channels = (await client.pubsub("CHANNELS", "holdfast:*")) as string[];
  client.disconnect();
  return channels.filter((each) => !each.includes("probe")).sort();
}

test("each part is on its server: keys, publications and subscriptions", async () => {
  const { seams, listener } = await ready();
  const { broker } = seams;
  const store = seams.presence();
  const told = presenceTopic("kept:1");
  await Promise.all([KEPT, LIVE, told, BROADCAST].map((topic) => broker.subscribe(topic)));
  const lease = { id: "one", until: Date.now() + 60_000 };
  await store.renew("one", 60_000, true);
  const member = { session: "s", user: undefined, text: '{"session":"s"}', count: 1 };
  const rule = { joinLeave: "session", maxListed: 10 } as const;
  await store.change("kept:1", lease, [{ kind: "put", member }], rule);
  expect(await broker.publish(KEPT, '"a"', { retention: RETENTION })).toMatchObject({ offset: 1 });
  expect(await broker.publish(LIVE, '"b"')).toBeUndefined();
  await seams.sharedSecret();
  await listener.upTo('"a"');
  await listener.upTo('"b"');
  expect(listener.received.map(({ topic }) => topic).sort()).toEqual([KEPT, LIVE, told].sort());
  expect((await broker.read(KEPT, { from: 1, limit: 1, retention: RETENTION })).entries).toHaveLength(1);

  expect(await keysOf(rest)).toEqual(["holdfast:secret"]);
  expect(await keysOf(history)).toEqual([`holdfast:log:{${KEPT}}`, `holdfast:top:{${KEPT}}`]);
  expect(await keysOf(presence)).toContain(`holdfast:members:{${told}}`);
  expect(await channelsOf(rest)).toEqual([`holdfast:${BROADCAST}`, `holdfast:${LIVE}`].sort());
  expect(await channelsOf(history)).toEqual([`holdfast:${KEPT}`, "holdfast:control"].sort());
  expect(await channelsOf(presence)).toEqual(["holdfast:control", `holdfast:${told}`].sort());
  await store.end("one");
});

test("an outage of one takes its own promises along, and is told as its part's", async () => {
  const own = await RedisServer.start();
  closing.push(() => own.close());
  const seams = create({ history: own.url });
  const states: string[] = [];
  const received: unknown[] = [];
  seams.broker.start({
    publication: (_topic, data) => received.push(data),
    state: (state, part) => states.push(`${part ?? "rest"} ${state}`),
  });
  closing.push(() => seams.broker.close());
  await allReady(seams);
  await Promise.all([KEPT, LIVE].map((topic) => seams.broker.subscribe(topic)));
  await own.kill();
  while (seams.broker.apart?.history === "ready") await new Promise(setImmediate);

  expect(seams.broker.state).toBe("ready");
  expect(seams.broker.apart).toMatchObject({ presence: "ready" });
  await expect(seams.broker.publish(KEPT, '"x"', { retention: RETENTION })).rejects.toThrow();
  await expect(seams.broker.read(KEPT, { from: 1, limit: 1, retention: RETENTION })).rejects.toThrow();
  await seams.broker.publish(LIVE, '"live"');
  await seams.presence().read("kept:1", 10);
  while (!received.includes('"live"')) await new Promise(setImmediate);

  await own.restart();
  await allReady(seams);
  await seams.broker.publish(KEPT, '"back"', { retention: RETENTION });
  while (!received.includes('"back"')) await new Promise(setImmediate);
  expect(states.filter((each) => !each.startsWith("history")).sort()).toEqual([
    "presence ready",
    "rest ready",
  ]);
  expect(states.filter((each) => each.startsWith("history"))).toEqual([
    "history ready",
    "history connecting",
    "history ready",
  ]);
});

test("what the ingest stream brings goes where its channel is, and waits for that server alone", async () => {
  const own = await RedisServer.start();
  closing.push(() => own.close());
  const { seams, listener } = await ready(create({ history: own.url }));
  await Promise.all([KEPT, LIVE].map((topic) => seams.broker.subscribe(topic)));
  const ingest = seams.ingest();
  ingest.start();
  closing.push(() => ingest.close());
  const client = new Redis(rest.port, "127.0.0.1");
  closing.push(async () => client.disconnect());
  await own.kill();
  while (seams.broker.apart?.history === "ready") await new Promise(setImmediate);
  await client.xadd("holdfast:ingest", "*", "channel", "kept:1", "data", '"kept"');
  await client.xadd("holdfast:ingest", "*", "channel", "live:1", "data", '"live"');
  await listener.upTo('"live"');
  expect(listener.received.map(({ data }) => data)).not.toContain('"kept"');
  await own.restart();
  await listener.upTo('"kept"');
  const keys = await keysOf(own);
  expect(keys).toContain(`holdfast:log:{${KEPT}}`);
});

test("publications are sharded on a Cluster that has a part, where no worker takes orders", async () => {
  const cluster = await RedisCluster.start();
  closing.push(() => cluster.close());
  const seams = create({ history: cluster.url });
  const { listener } = await ready(seams);
  await seams.broker.subscribe(KEPT);
  await seams.broker.publish(KEPT, '"a"', { retention: RETENTION });
  await listener.upTo('"a"');
  const counts = await Promise.all(
    cluster.members.map(async ({ port }) => {
      const member = new Redis(port, "127.0.0.1");
      const [, control, , mark] = (await member.call(
        "PUBSUB",
        "NUMSUB",
        "holdfast:control",
        "holdfast:sharded",
      )) as number[];
      member.disconnect();
      return [Number(control), Number(mark)];
    }),
  );
  expect(counts.filter(([control]) => control === 1)).toEqual([[1, 1]]);
}, 30_000);
