/**
 * Servers that hide their replication id, as managed ones do: histories work, and the weaker promise is said.
 */
import { channelTopic, noMetrics, systemClock } from "@holdfast/core";
import { BrokerListener, RecordingLogger } from "@holdfast/core/testing";
import { afterEach, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { SeamsOnRedis } from "../seams-on-redis.js";
import { parseRedisUrl, type RedisTarget } from "../target.js";
import { RedisServer } from "../testing/index.js";

const NEWS = channelTopic("news");
const KEEP = { size: 10, ttlMs: 60_000 };
const FAST = { commandTimeoutMs: 2000, pingIntervalMs: 50, minRetryDelayMs: 10, maxRetryDelayMs: 50 };

describe("a server that hides its replication id", () => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function start(): Promise<RedisServer> {
    const server = await RedisServer.start({
      args: ["--user", "gate", "on", ">pw", "~*", "&*", "+@all", "-info"],
    });
    closing.push(() => server.close());
    return server;
  }

  async function connect(url: string): Promise<{ listener: BrokerListener; warnings: () => object[] }> {
    const logger = new RecordingLogger();
    const seams = { clock: systemClock, logger, metrics: noMetrics, random: Math.random };
    const { broker } = new SeamsOnRedis({ target: parseRedisUrl(url) as RedisTarget, ...FAST }, seams);
    closing.push(() => broker.close());
    const listener = new BrokerListener(broker);
    await listener.reach("ready");
    return {
      listener,
      warnings: () => logger.lines.filter(({ message }) => message.includes("hides its replication id")),
    };
  }

  async function keepsHistory({ broker }: BrokerListener): Promise<void> {
    const first = await broker.publish(NEWS, "1", { retention: KEEP });
    const second = await broker.publish(NEWS, "2", { retention: KEEP });
    expect([first?.offset, second?.offset, second?.epoch]).toEqual([1, 2, first?.epoch]);
    const page = await broker.read(NEWS, { from: 1, limit: 10, retention: KEEP });
    expect(page.entries.map(({ data }) => data)).toEqual(["1", "2"]);
    expect(page.top).toEqual(second);
    expect(page.lineage).toEqual([]);
  }

  const asGate = ({ url }: RedisServer): string => url.replace("://", "://gate:pw@");

  test("keeps histories, and one line says what is not promised, whatever number of links", async () => {
    const server = await start();
    const { listener, warnings } = await connect(asGate(server));
    await listener.broker.subscribe(NEWS);
    await keepsHistory(listener);
    const admin = new Redis(server.port, "127.0.0.1");
    await admin.call("CLIENT", "KILL", "TYPE", "pubsub");
    await listener.reachAgain("ready", 2);
    admin.disconnect();
    expect(warnings()).toHaveLength(1);
  });

  test("is a weakness of the broker for as long as it is linked", async () => {
    const server = await start();
    const { listener } = await connect(asGate(server));
    expect(listener.broker.weaknesses).toEqual([expect.stringContaining("hides its replication id")]);
    const other = await connect(server.url);
    expect(other.listener.broker.weaknesses).toEqual([]);
  });

  test("is used as well where it does not know INFO at all", async () => {
    const server = await RedisServer.start({ args: ["--rename-command", "INFO", ""] });
    closing.push(() => server.close());
    const { listener, warnings } = await connect(server.url);
    await keepsHistory(listener);
    expect(warnings()).toHaveLength(1);
    expect(listener.broker.weaknesses).toHaveLength(1);
  });

  test("gives a log that was lost altogether a new epoch all the same", async () => {
    const server = await start();
    const { listener } = await connect(asGate(server));
    const before = await listener.broker.publish(NEWS, "1", { retention: KEEP });
    await server.kill();
    await listener.reach("connecting");
    await server.restart();
    await listener.reachAgain("ready", 2);
    const { top } = await listener.broker.read(NEWS, { from: 1, limit: 10, retention: KEEP });
    expect(top.offset).toBe(0);
    expect(top.epoch).not.toBe(before?.epoch);
  });

  test("takes nothing that is kept once it is a replica", async () => {
    const [server, other] = await Promise.all([start(), start()]);
    const { listener } = await connect(asGate(server));
    const admin = new Redis(server.port, "127.0.0.1");
    await admin.replicaof("127.0.0.1", other.port);
    await expect(listener.broker.publish(NEWS, "1", { retention: KEEP })).rejects.toThrow();
    admin.disconnect();
  });

  test("has a warning that others have not, and a log that changes sides begins one new epoch", async () => {
    const server = await start();
    const { listener, warnings } = await connect(server.url);
    await keepsHistory(listener);
    expect(warnings()).toEqual([]);
    const hidden = await connect(asGate(server));
    const [one, two] = [
      await hidden.listener.broker.publish(NEWS, "3", { retention: KEEP }),
      await hidden.listener.broker.publish(NEWS, "4", { retention: KEEP }),
    ];
    expect([one?.offset, two?.offset, two?.epoch]).toEqual([3, 4, one?.epoch]);
    const page = await hidden.listener.broker.read(NEWS, { from: 1, limit: 10, retention: KEEP });
    expect(page.lineage.map(({ offset }) => offset)).toEqual([2]);
  });
});
