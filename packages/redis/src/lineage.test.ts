/**
 * What the log says after Redis lost its end, or might have: with real servers that fail over and restart.
 */
import {
  channelTopic,
  type LogPage,
  noMetrics,
  type Retention,
  silentLogger,
  systemClock,
} from "@holdfast/core";
import { BrokerListener } from "@holdfast/core/testing";
import type { Position } from "@holdfast/protocol";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import type { RedisBroker } from "./broker.js";
import { SeamsOnRedis } from "./seams-on-redis.js";
import { parseRedisUrl, type RedisTarget } from "./target.js";
import { freePort, RedisServer } from "./testing/index.js";

const SEAMS = { clock: systemClock, logger: silentLogger, metrics: noMetrics, random: Math.random };
const FAST = { commandTimeoutMs: 2000, pingIntervalMs: 50, minRetryDelayMs: 10, maxRetryDelayMs: 50 };
const NEWS = channelTopic("news");
const KEEP: Retention = { size: 100, ttlMs: 60_000 };

describe("after a failover or a restart", () => {
  let servers: RedisServer[];
  let brokers: RedisBroker[];
  let clients: Redis[];
  beforeEach(() => {
    servers = [];
    brokers = [];
    clients = [];
  });
  afterEach(async () => {
    for (const broker of brokers) await broker.close();
    for (const client of clients) client.disconnect();
    for (const server of servers) await server.close();
  });

  async function start(...args: string[]): Promise<RedisServer> {
    // A replica is not to wait for others that might come.
    const server = await RedisServer.start({ args: [...args, "--repl-diskless-sync-delay", "0"] });
    servers.push(server);
    return server;
  }

  function client(server: RedisServer): Redis {
    const redis = new Redis(server.port, "127.0.0.1", { retryStrategy: () => 20 });
    redis.on("error", () => {});
    clients.push(redis);
    return redis;
  }

  async function connect(server: RedisServer): Promise<BrokerListener> {
    const broker = new SeamsOnRedis({ target: parseRedisUrl(server.url) as RedisTarget, ...FAST }, SEAMS)
      .broker;
    brokers.push(broker);
    const listener = new BrokerListener(broker);
    await listener.reach("ready");
    return listener;
  }

  /** A replica that has all that the master has. */
  async function replicaOf(master: RedisServer): Promise<RedisServer> {
    const replica = await start("--replicaof", "127.0.0.1", String(master.port));
    const redis = client(replica);
    while (!(await redis.info("replication")).includes("master_link_status:up"));
    return replica;
  }

  /** Resolves when the replica has the first three publications. WAIT would speak of its own connection. */
  async function caughtUp(replica: RedisServer): Promise<void> {
    while ((await client(replica).hget(`holdfast:top:{${NEWS}}`, "offset")) !== "3");
  }

  async function promote(replica: RedisServer): Promise<void> {
    await client(replica).replicaof("NO", "ONE");
  }

  test("a promoted replica that has everything proves it: the lineage ends at the last offset", async () => {
    const master = await start();
    const replica = await replicaOf(master);
    const before = await connect(master);
    const last = await publish(before.broker, "1", "2", "3");
    await caughtUp(replica);
    await promote(replica);
    const after = await connect(replica);
    const page = await read(after.broker);
    expect(data(page)).toEqual(["1", "2", "3"]);
    expect(page.top.offset).toBe(3);
    expect(page.top.epoch).not.toBe(last.epoch);
    expect(page.lineage).toEqual([last]);
    // All readers and publishers get the same answer from then on.
    expect(await read(after.broker)).toEqual(page);
    expect(await publish(after.broker, "4")).toEqual({ offset: 4, epoch: page.top.epoch });
  });

  test("a promoted replica that lags gives offsets out again, in another epoch, and says which are common", async () => {
    const master = await start();
    const replica = await replicaOf(master);
    const before = await connect(master);
    const common = await publish(before.broker, "1", "2", "3");
    await caughtUp(replica);
    // Cut off before it is promoted: a paused one would find in its socket what it missed.
    await client(replica).replicaof("127.0.0.1", String(await freePort()));
    const lost = await publish(before.broker, "4", "5");
    expect(lost).toEqual({ offset: 5, epoch: common.epoch });
    await master.kill();
    await promote(replica);
    const after = await connect(replica);
    const again = await publish(after.broker, "another 4");
    expect(again.offset).toBe(4);
    expect(again.epoch).not.toBe(common.epoch);
    const page = await read(after.broker);
    expect(data(page)).toEqual(["1", "2", "3", "another 4"]);
    expect(page.lineage).toEqual([common]);
  });

  test("of a chain of failovers the last eight are told", async () => {
    const master = await start();
    const [redis, broker] = [client(master), (await connect(master)).broker];
    const lives: Position[] = [await publish(broker, "1")];
    for (let i = 2; i <= 11; i++) {
      // As a replica and back: what a promotion is to this server. A replica of no server, so that it gets no
      // other data.
      await redis.replicaof("127.0.0.1", String(await freePort()));
      await redis.replicaof("NO", "ONE");
      const page = await read(broker);
      expect(page.lineage).toEqual(lives.slice(-8));
      lives.push(await publish(broker, `${i}`));
    }
    expect(new Set(lives.map(({ epoch }) => epoch)).size).toBe(11);
    expect(lives.map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  test("a server that comes back without data begins anew, with no lineage", async () => {
    const server = await start();
    const listener = await connect(server);
    const last = await publish(listener.broker, "1", "2");
    await server.kill();
    await server.restart();
    await listener.reachAgain("ready", 2);
    const page = await read(listener.broker);
    expect(page).toMatchObject({ entries: [], oldest: 1, lineage: [], top: { offset: 0 } });
    expect(page.top.epoch).not.toBe(last.epoch);
  });

  test("a server that comes back from its file goes on, and says from where", async () => {
    const server = await start("--appendonly", "yes", "--appendfsync", "always");
    const listener = await connect(server);
    const last = await publish(listener.broker, "1", "2");
    await server.kill();
    await server.restart();
    await listener.reachAgain("ready", 2);
    const next = await publish(listener.broker, "3");
    expect(next.offset).toBe(3);
    expect(next.epoch).not.toBe(last.epoch);
    const page = await read(listener.broker);
    expect(data(page)).toEqual(["1", "2", "3"]);
    expect(page.lineage).toEqual([last]);
  });

  test("a server that comes back from an old snapshot says what of it is common", async () => {
    const server = await start();
    const listener = await connect(server);
    const saved = await publish(listener.broker, "1", "2");
    await client(server).save();
    await publish(listener.broker, "3", "4", "5");
    await server.kill();
    await server.restart();
    await listener.reachAgain("ready", 2);
    expect((await publish(listener.broker, "another 3")).offset).toBe(3);
    const page = await read(listener.broker);
    expect(data(page)).toEqual(["1", "2", "another 3"]);
    expect(page.lineage).toEqual([saved]);
  });

  test("a master that gets its first replica, or loses its last, may look like a failover, but loses nothing", async () => {
    const master = await start("--repl-backlog-ttl", "1");
    const { broker } = await connect(master);
    const first = await publish(broker, "1");
    await replicaOf(master);
    const page = await read(broker);
    expect(data(page)).toEqual(["1"]);
    expect([[], [first]]).toContainEqual(page.lineage);
    expect(await publish(broker, "2")).toEqual({ offset: 2, epoch: page.top.epoch });
  });
});

async function publish(broker: BrokerListener["broker"], ...texts: string[]): Promise<Position> {
  let last: Position | undefined;
  for (const text of texts) last = await broker.publish(NEWS, text, { retention: KEEP });
  if (last === undefined) throw new Error("no position");
  return last;
}

function read(broker: BrokerListener["broker"]): Promise<LogPage> {
  return broker.read(NEWS, { from: 1, limit: 100, retention: KEEP });
}

function data(page: LogPage): string[] {
  return page.entries.map((entry) => String(entry.data));
}
