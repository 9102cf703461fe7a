import { isUtf8 } from "node:buffer";
import {
  BROADCAST,
  BrokerUnavailable,
  channelTopic,
  noMetrics,
  silentLogger,
  systemClock,
} from "@holdfast/core";
import { BrokerListener } from "@holdfast/core/testing";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Redis } from "ioredis";
import type { RedisOptions, RedisSeams } from "./options.js";
import { SeamsOnRedis } from "./seams-on-redis.js";
import { parseRedisUrl, type RedisTarget } from "./target.js";
import { freePort, RedisServer } from "./testing/index.js";

const NEWS = channelTopic("news");
const SEAMS: RedisSeams = {
  clock: systemClock,
  logger: silentLogger,
  metrics: noMetrics,
  random: Math.random,
};
/** Impatient, for outages that a test waits out. */
const FAST = { commandTimeoutMs: 400, pingIntervalMs: 50, minRetryDelayMs: 10, maxRetryDelayMs: 50 };

function target(url: string): RedisTarget {
  const parsed = parseRedisUrl(url);
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed;
}

describe("RedisBroker", () => {
  let server: RedisServer;
  let backend: Redis;
  let started: BrokerListener[];
  let logged: Record<string, unknown>[];
  let counted: Record<string, number>;

  beforeEach(async () => {
    started = [];
    logged = [];
    counted = {};
    server = await RedisServer.start();
    backend = new Redis(server.port, "127.0.0.1", { retryStrategy: () => 20 });
    backend.on("error", () => {});
  });
  afterEach(async () => {
    await Promise.all(started.map(({ broker }) => broker.close()));
    backend.disconnect();
    await server.close();
  });

  function start(options: Partial<RedisOptions> = {}): BrokerListener {
    const log = (level: string) => (fields: object, message: string) => {
      logged.push({ level, message, ...fields });
    };
    const seams: RedisSeams = {
      ...SEAMS,
      logger: { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
      metrics: {
        ...noMetrics,
        add: (name, amount) => {
          counted[name] = (counted[name] ?? 0) + amount;
        },
      },
    };
    const listener = new BrokerListener(
      new SeamsOnRedis({ target: target(server.url), ...FAST, ...options }, seams).broker,
    );
    started.push(listener);
    return listener;
  }

  async function ready(options: Partial<RedisOptions> = {}): Promise<BrokerListener> {
    const listener = start(options);
    await listener.reach("ready");
    return listener;
  }

  async function calls(command: string): Promise<number> {
    const stats = await backend.info("commandstats");
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  }

  test("a backend's plain PUBLISH arrives: UTF-8 as text, anything else as bytes", async () => {
    const a = await ready();
    await a.broker.subscribe(NEWS);
    const bytes = fc.oneof(
      fc.string({ unit: "binary" }).map((text) => Buffer.from(text)),
      fc.uint8Array().map(Buffer.from),
    );
    let sent = 0;
    await fc.assert(
      fc.asyncProperty(bytes, async (payload) => {
        const at = a.received.length;
        const marker = `marker ${sent++}`;
        await backend.publish("holdfast:channel:news", payload);
        await backend.publish("holdfast:channel:news", marker);
        await a.upTo(marker);
        const data = isUtf8(payload) ? payload.toString() : new Uint8Array(payload);
        expect(a.received.slice(at)).toEqual([
          { topic: NEWS, data },
          { topic: NEWS, data: marker },
        ]);
      }),
    );
  });

  test("a payload over the limit is counted and logged with a sample, not delivered", async () => {
    const a = await ready({ maxPublicationBytes: 1000 });
    await a.broker.subscribe(BROADCAST);
    await backend.publish("holdfast:broadcast", "x".repeat(1000));
    for (let i = 0; i < 5; i++) await backend.publish("holdfast:broadcast", "€".repeat(500));
    await backend.publish("holdfast:broadcast", "end");
    expect(await a.upTo("end")).toEqual(["x".repeat(1000), "end"]);
    expect(counted).toEqual({ broker_rejected: 5 });
    expect(logged.filter(({ level }) => level === "warn")).toEqual([
      expect.objectContaining({
        channel: "holdfast:broadcast",
        bytes: 1500,
        sample: expect.stringMatching(/^€{33}/),
      }),
    ]);
  });

  test("the subscriptions of one turn cost one command, and many are restored in chunks", async () => {
    const a = await ready({ maxTopicsPerCommand: 100 });
    await Promise.all(Array.from({ length: 100 }, (_, i) => a.broker.subscribe(channelTopic(`room:${i}`))));
    expect(await calls("subscribe")).toBe(1);
    await Promise.all(Array.from({ length: 150 }, (_, i) => a.broker.subscribe(channelTopic(`more:${i}`))));
    expect(await calls("subscribe")).toBe(3);
    await backend.config("RESETSTAT");
    await backend.call("CLIENT", "KILL", "TYPE", "pubsub");
    await a.reachAgain("ready", 2);
    expect(await calls("subscribe")).toBe(3);
    expect(await backend.pubsub("CHANNELS", "holdfast:*")).toHaveLength(250);
    await Promise.all(Array.from({ length: 100 }, (_, i) => a.broker.unsubscribe(channelTopic(`room:${i}`))));
    expect(await calls("unsubscribe")).toBe(1);
  });

  test.each(["pubsub", "normal"])("losing the %s connection alone is noticed and repaired", async (type) => {
    const a = await ready();
    await a.broker.subscribe(NEWS);
    await backend.call("CLIENT", "KILL", "TYPE", type);
    await a.reachAgain("ready", 2);
    await a.broker.publish(NEWS, "1");
    await a.upTo("1");
  });

  test("a server that is stopped without closing anything is noticed, and found again", async () => {
    const a = await ready();
    await a.broker.subscribe(NEWS);
    server.pause();
    const underWay = a.broker.publish(NEWS, "lost or late");
    await expect(underWay).rejects.toBeInstanceOf(BrokerUnavailable);
    await a.reach("connecting");
    await expect(a.broker.publish(NEWS, "lost")).rejects.toBeInstanceOf(BrokerUnavailable);
    server.resume();
    await a.reach("ready");
    await a.broker.publish(NEWS, "end");
    await a.upTo("end");
  });

  test("closing does not wait for a server that is stopped", async () => {
    const a = await ready({ commandTimeoutMs: 60_000 });
    server.pause();
    const calls = Promise.allSettled([a.broker.publish(NEWS, "1"), a.broker.subscribe(NEWS)]);
    await a.broker.close();
    for (const outcome of await calls) {
      expect(outcome).toMatchObject({ status: "rejected", reason: expect.any(BrokerUnavailable) });
    }
  });

  test("closing while it connects to a server that is stopped does not wait for it", async () => {
    server.pause();
    const a = start({ commandTimeoutMs: 60_000 });
    await a.broker.close();
    expect(a.states).toEqual(["closed"]);
  });

  test("what waits for a server that does not answer is bounded", async () => {
    const a = await ready({ maxPendingBytes: 1000 });
    server.pause();
    const taken = a.broker.publish(NEWS, "x".repeat(900));
    taken.catch(() => {});
    await expect(a.broker.publish(NEWS, "x".repeat(101))).rejects.toThrow(/900 bytes are waiting/);
    server.resume();
    await taken;
    await a.broker.publish(NEWS, "x".repeat(101));
  });

  test("a server that is away at the start is waited for, with one line in the log", async () => {
    const port = await freePort();
    const a = start({ target: target(`redis://127.0.0.1:${port}`) });
    await expect(a.broker.subscribe(NEWS)).rejects.toBeInstanceOf(BrokerUnavailable);
    const late = await RedisServer.start({ port });
    await a.reach("ready");
    const address = `redis://127.0.0.1:${port}`;
    expect(logged).toEqual([
      {
        level: "warn",
        message: "cannot reach Redis yet, still trying",
        redis: address,
        reason: `connect ECONNREFUSED 127.0.0.1:${port}`,
        remedy: "check the URL, and that Redis runs there",
      },
      { level: "info", message: "connected to Redis", redis: address, topics: 0 },
    ]);
    await a.broker.close();
    await late.close();
  });

  test("an outage is two lines in the log and one per new reason, however many retries it takes", async () => {
    const a = await ready();
    await a.broker.subscribe(NEWS);
    logged.length = 0;
    await server.kill();
    await a.reach("connecting");
    await server.restart();
    await a.reach("ready");
    const redis = `redis://127.0.0.1:${server.port}`;
    expect(logged[0]).toMatchObject({ level: "warn", message: "lost Redis", redis });
    expect(logged.at(-1)).toEqual({ level: "info", message: "connected to Redis", redis, topics: 1 });
    // Between them only what the retries said that was new: a refused connection, perhaps one that was reset.
    const reasons = logged.slice(0, -1).map(({ reason }) => reason);
    expect(reasons).toEqual([...new Set(reasons)]);
  });

  test("with the right password it connects; with a wrong one it says so without showing it", async () => {
    const secret = "s3cret-p@ss/word";
    await backend.config("SET", "requirepass", secret);
    const url = (password: string) => `redis://:${encodeURIComponent(password)}@127.0.0.1:${server.port}`;
    const wrong = start({ target: target(url("wr0ng-p@ss/word")) });
    const right = await ready({ target: target(url(secret)) });
    await right.broker.subscribe(NEWS);
    await right.broker.publish(NEWS, "1");
    await right.upTo("1");
    await right.broker.close();
    const refusal = await wrong.broker.publish(NEWS, "1").catch((error: unknown) => error);
    await wrong.broker.close();
    const line = logged.find(({ level }) => level === "error");
    expect(line).toMatchObject({
      message: expect.stringMatching(/^Redis does not take this user name and password: .*; still trying$/),
      reason: expect.stringContaining("WRONGPASS"),
    });
    const everything = JSON.stringify([logged, refusal, String(refusal), Object(refusal).stack]);
    for (const password of [secret, "wr0ng-p@ss/word"]) {
      expect(everything).not.toContain(password);
      expect(everything).not.toContain(encodeURIComponent(password));
    }
  });

  test("a database number and another prefix are respected", async () => {
    const a = await ready({ target: target(`${server.url}/3`), prefix: "other:" });
    await a.broker.subscribe(BROADCAST);
    await backend.publish("holdfast:broadcast", "not for you");
    await backend.publish("other:broadcast", "nor is database 0");
    await backend.publish("other:db3:broadcast", "1");
    expect(await a.upTo("1")).toEqual(["1"]);
    expect(await backend.client("LIST")).toContain(" db=3 ");
  });
});
