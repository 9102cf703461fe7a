import { BrokerUnavailable, channelTopic, noMetrics, systemClock } from "@holdfast/core";
import { BrokerListener } from "@holdfast/core/testing";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { SeamsOnRedis } from "../seams-on-redis.js";
import { parseRedisUrl, type RedisTarget } from "../target.js";
import { RedisServer } from "../testing/index.js";

const NEWS = channelTopic("news");
const FAST = {
  commandTimeoutMs: 2000,
  // Pings alone must not find it out.
  pingIntervalMs: 60_000,
  roleIntervalMs: 40,
  minRetryDelayMs: 10,
  maxRetryDelayMs: 50,
};

describe("roles", () => {
  let first: RedisServer;
  let second: RedisServer;
  let admin: Redis;
  let counts: Map<string, number>;
  let logged: { level: string; message: string }[];
  const started: BrokerListener[] = [];

  beforeEach(async () => {
    logged = [];
    counts = new Map();
    [first, second] = await Promise.all([RedisServer.start(), RedisServer.start()]);
    admin = new Redis(first.port, "127.0.0.1");
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map(({ broker }) => broker.close()));
    admin.disconnect();
    await Promise.all([first.close(), second.close()]);
  });

  function start(url = first.url, options = FAST): BrokerListener {
    const log = (level: string) => (_fields: object, message: string) => void logged.push({ level, message });
    const logger = { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
    const add = (name: string, amount: number) => void counts.set(name, (counts.get(name) ?? 0) + amount);
    const metrics = { ...noMetrics, add };
    const seams = { clock: systemClock, logger, metrics, random: Math.random };
    const broker = new SeamsOnRedis({ target: parseRedisUrl(url) as RedisTarget, ...options }, seams).broker;
    const listener = new BrokerListener(broker);
    started.push(listener);
    return listener;
  }

  test("a master that becomes a replica without hanging up is lost, and used again as a master", async () => {
    const listener = start();
    const { broker } = listener;
    await listener.reach("ready");
    await broker.publish(NEWS, "heard");
    await admin.replicaof("127.0.0.1", second.port);
    await listener.reach("connecting");
    await expect(broker.publish(NEWS, "not kept")).rejects.toThrow(BrokerUnavailable);
    await expect(broker.publish(NEWS, "kept", { retention: { size: 5, ttlMs: 9000 } })).rejects.toThrow(
      BrokerUnavailable,
    );
    await admin.replicaof("NO", "ONE");
    await listener.reach("ready");
    await broker.publish(NEWS, "heard again");
  });

  test("what a demoted master acknowledged is counted, and no less than it took as a replica", async () => {
    // Time enough to publish before the role is asked again.
    const listener = start(first.url, { ...FAST, roleIntervalMs: 1000 });
    const { broker } = listener;
    await listener.reach("ready");
    await broker.publish(NEWS, "as a master");
    await admin.replicaof("127.0.0.1", second.port);
    let taken = 0;
    while (broker.state === "ready")
      await broker.publish(NEWS, "as a replica").then(
        () => taken++,
        () => {},
      );
    const counted = counts.get("publications_doubtful") ?? 0;
    expect(taken).toBeGreaterThan(0);
    expect(counted).toBeGreaterThanOrEqual(taken - 1);
    expect(counted).toBeLessThanOrEqual(taken + 1);
    expect(logged.filter(({ message }) => message.includes("was demoted"))).toHaveLength(1);
    await admin.replicaof("NO", "ONE");
    await listener.reach("ready");
    expect(counts.get("publications_doubtful")).toBe(counted);
  });

  test("a replica is not taken for a Redis to work with, and the log says why", async () => {
    await admin.replicaof("127.0.0.1", second.port);
    const listener = start();
    await until(() => logged.length > 0);
    expect(listener.broker.state).toBe("connecting");
    expect(logged).toEqual([{ level: "warn", message: "cannot reach Redis yet, still trying" }]);
  });

  test("where ROLE is not allowed the pings go on, and one line says so for all links", async () => {
    await admin.acl("SETUSER", "gate", "on", ">pw", "~*", "&*", "+@all", "-role");
    const listener = start(`redis://gate:pw@127.0.0.1:${first.port}`);
    await listener.reach("ready");
    await listener.broker.subscribe(NEWS);
    await admin.call("CLIENT", "KILL", "TYPE", "pubsub");
    await listener.reachAgain("ready", 2);
    const lines = logged.filter(({ message }) => message.includes("+role"));
    expect(lines).toEqual([{ level: "warn", message: expect.stringContaining("ROLE") }]);
  });
});

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 5));
}
