/**
 * Subscriptions shared by the workers of an instance: one instance with four workers on a real Redis, which
 * has each topic once, while workers die and are replaced.
 */
import { setTimeout as pause } from "node:timers/promises";
import { RedisServer } from "@holdfast/redis/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { Redis } from "ioredis";
import { eventually } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { metric } from "./metrics-text.js";
import { RedisPublisher } from "./redis-publisher.js";
import { Resources } from "./resources.js";
import { SequenceWatcher } from "./sequence-watcher.js";

jest.setTimeout(120_000);

const WORKERS = 4;
const WATCHERS = 12;
const KEPT = "kept:a";
const PLAIN = "plain:a";
const ARGS = [
  ...["--workers", String(WORKERS), "--drain-window", "1s", "--drain-delay", "0s"],
  ...["--namespaces", JSON.stringify({ kept: { historySize: 10_000, historyTtl: "10m" } })],
];

const shared = new Resources();
const own = new Resources();
let redis: RedisServer;
let client: Redis;
let backend: RedisPublisher;

beforeAll(async () => {
  redis = shared.add(await RedisServer.start());
  client = new Redis(redis.url);
  shared.add({ close: () => client.disconnect() });
  backend = shared.add(await RedisPublisher.connect(redis.port));
});
afterEach(() => own.close());
afterAll(() => shared.close());

async function subscribers(topic: string): Promise<number> {
  const [, count] = (await client.pubsub("NUMSUB", `holdfast:${topic}`)) as [string, number];
  return count;
}

function once(topic: string): Promise<unknown> {
  return eventually(`${topic} is subscribed once`, async () => (await subscribers(topic)) === 1);
}

/** Publishes numbers, as fast as each is taken, until it is told to stop. Returns the next number. */
function publishing(publish: (n: number) => Promise<unknown>): () => Promise<number> {
  let isOver = false;
  const run = async (): Promise<number> => {
    let n = 0;
    for (; !isOver; n++) {
      await publish(n);
      await pause(1);
    }
    return n;
  };
  const running = run();
  return async () => {
    isOver = true;
    return running;
  };
}

async function watch(gateway: GatewayProcess, channel: string, count: number): Promise<SequenceWatcher[]> {
  const watchers = Array.from({ length: count }, () =>
    own.add(new SequenceWatcher(gateway.ws(), channel, { backoff: { minDelayMs: 50, maxDelayMs: 500 } })),
  );
  await Promise.all(watchers.map((watcher) => watcher.start()));
  return watchers;
}

async function counted(gateway: GatewayProcess, name: string): Promise<number> {
  return metric((await gateway.adminGet("/metrics")).text, `holdfast_${name}_total`);
}

describe("with four workers, whose subscriptions are shared by default", () => {
  let gateway: GatewayProcess;
  beforeEach(async () => {
    gateway = own.add(
      await GatewayProcess.start({
        args: [...ARGS, "--redis", redis.url, "--redis-subscriptions", "auto"],
      }),
    );
  });

  test("each topic is subscribed once, for as long as a worker listens", async () => {
    await once("broadcast");
    const watchers = await watch(gateway, PLAIN, WATCHERS);
    await once(`channel:${PLAIN}`);
    expect(await subscribers("control")).toBe(WORKERS);
    expect(await backend.publish(`holdfast:channel:${PLAIN}`, "0")).toBe(1);
    for (const { check } of watchers) await eventually("the publication arrives", () => check.last === 0);
    for (const watcher of watchers) watcher.close();
    await eventually("no subscription is left", async () => (await subscribers(`channel:${PLAIN}`)) === 0);
  });

  test("workers that are killed while it publishes with history lose nothing", async () => {
    const watchers = await watch(gateway, KEPT, WATCHERS);
    await once(`channel:${KEPT}`);
    const stop = publishing((n) => gateway.publish(KEPT, n));
    for (const pid of gateway.workerPids()) {
      await pause(300);
      process.kill(pid, "SIGKILL");
      await gateway.notReady();
      await gateway.ready();
    }
    const last = (await stop()) - 1;
    for (const { check } of watchers) {
      await eventually(`number ${last} arrives`, () => check.last === last);
      expect(check.violations).toEqual([]);
      expect(check.gaps).toEqual([]);
    }
    expect(await counted(gateway, "siblings_lost")).toBeGreaterThan(0);
    await once(`channel:${KEPT}`);
  });

  test("a reload while it publishes moves topics without a loss, a gap or a publication twice", async () => {
    const kept = await watch(gateway, KEPT, WATCHERS);
    const plain = await watch(gateway, PLAIN, WATCHERS);
    const stops = [
      publishing((n) => gateway.publish(KEPT, n)),
      publishing((n) => backend.publish(`holdfast:channel:${PLAIN}`, String(n))),
    ];
    const before = gateway.workerPids();
    gateway.signal("SIGHUP");
    await eventually(
      "every worker is new",
      () => {
        const pids = gateway.workerPids();
        return pids.length === WORKERS && !pids.some((pid) => before.includes(pid));
      },
      60_000,
    );
    // A client on its way back would miss the last number of a channel without history.
    const reached = Math.max(...plain.map(({ check }) => check.last));
    await eventually(
      "every client is back and hears",
      () => plain.every(({ state, check }) => state === "connected" && check.last > reached),
      60_000,
    );
    const [keptNext = 0, plainNext = 0] = await Promise.all(stops.map((stop) => stop()));
    for (const { check } of kept) {
      await eventually("the last number arrives", () => check.last === keptNext - 1);
      expect(check.violations).toEqual([]);
      expect(check.gaps).toEqual([]);
    }
    for (const watcher of plain) {
      const { check } = watcher;
      await eventually("the last number arrives", () => check.last === plainNext - 1);
      expect(check.violations).toEqual([]);
      // Each time that its own worker sent it away, and never besides.
      expect(check.gaps.length).toBeLessThanOrEqual(watcher.losses);
    }
    expect(await counted(gateway, "siblings_moved")).toBeGreaterThan(0);
    await once("broadcast");
    await once(`channel:${PLAIN}`);
  });

  test("an outage of Redis is over when all topics are there again, each once", async () => {
    const watchers = await watch(gateway, KEPT, WATCHERS);
    for (let n = 0; n < 10; n++) await gateway.publish(KEPT, n);
    await client.call("CLIENT", "KILL", "TYPE", "pubsub");
    await gateway.ready();
    const stop = publishing((n) => gateway.publish(KEPT, 10 + n).catch(() => pause(50)));
    await pause(500);
    await stop();
    await once(`channel:${KEPT}`);
    await gateway.publish(KEPT, 1_000_000);
    for (const { check } of watchers) {
      await eventually("the last number arrives", () => check.last === 1_000_000);
      expect(check.gaps).toEqual([]);
      expect(check.violations.filter(({ received }) => received < 1_000_000)).toEqual([]);
    }
  });
});

test("with redisSubscriptions=worker each worker with a listener subscribes", async () => {
  const gateway = own.add(
    await GatewayProcess.start({ args: [...ARGS, "--redis", redis.url, "--redis-subscriptions", "worker"] }),
  );
  await watch(gateway, PLAIN, WATCHERS);
  await eventually("more than one subscription", async () => (await subscribers(`channel:${PLAIN}`)) > 1);
  expect(await subscribers("broadcast")).toBe(WORKERS);
});
