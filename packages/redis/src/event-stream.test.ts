import { BrokerUnavailable, type GatewayEvent, noMetrics, silentLogger, systemClock } from "@holdfast/core";
import { BrokerListener, FakeClock, RecordingLogger, RecordingMetrics } from "@holdfast/core/testing";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import type { ScriptCall } from "./connection/script.js";
import type { ScriptHost } from "./connection/script-host.js";
import { EventStream } from "./event-stream.js";
import { REDIS_DEFAULTS, type RedisOptions } from "./options.js";
import { SeamsOnRedis } from "./seams-on-redis.js";
import { parseRedisUrl, type RedisTarget } from "./target.js";
import { RedisServer } from "./testing/index.js";

const SEAMS = { clock: systemClock, logger: silentLogger, metrics: noMetrics, random: Math.random };
const MAX_BYTES = 100_000_000;
const FAST = { commandTimeoutMs: 1000, pingIntervalMs: 50, minRetryDelayMs: 10, maxRetryDelayMs: 50 };
const OPTIONS: RedisOptions = {
  ...REDIS_DEFAULTS,
  target: parseRedisUrl("redis://localhost") as RedisTarget,
};

type Entry = readonly [id: string, fields: readonly string[]];

const record = ([, fields]: Entry): Record<string, string> =>
  Object.fromEntries(fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1] ?? ""]] : [])));

const occupied = (channel: string): GatewayEvent => ({ type: "occupied", channel, version: 1 });
const message = (data: string): GatewayEvent => ({ type: "message", session: "s", user: undefined, data });

async function reading(reader: Redis, atLeast: number): Promise<Record<string, string>[]> {
  for (;;) {
    const entries = (await reader.xrange("holdfast:events", "-", "+")).map(record);
    if (entries.length >= atLeast) return entries;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function ready(server: RedisServer): Promise<SeamsOnRedis> {
  const seams = new SeamsOnRedis({ target: parseRedisUrl(server.url) as RedisTarget, ...FAST }, SEAMS);
  await new BrokerListener(seams.broker).reach("ready");
  return seams;
}

describe("the stream of events", () => {
  let server: RedisServer;
  let seams: SeamsOnRedis;
  let reader: Redis;
  beforeEach(async () => {
    server = await RedisServer.start({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
    seams = await ready(server);
    reader = new Redis(server.port, "127.0.0.1", { retryStrategy: () => 20 });
    reader.on("error", () => {});
  });
  afterEach(async () => {
    await seams.broker.close();
    reader.disconnect();
    await server.close();
  });

  test("numbers the events of one sink from 1, without a hole", async () => {
    const [one, other] = [
      seams.events({ maxLength: 1000, maxBytes: MAX_BYTES }),
      seams.events({ maxLength: 1000, maxBytes: MAX_BYTES }),
    ];
    for (let i = 0; i < 3; i++) {
      one.tell(occupied("a"));
      other.tell(occupied("b"));
    }
    const events = await reading(reader, 6);
    const ids = events.filter(({ channel }) => channel === "a").map(({ id = "" }) => id.split("-"));
    expect(ids.map(([, n]) => n)).toEqual(["1", "2", "3"]);
    expect(new Set(events.map(({ id }) => id)).size).toBe(6);
    await Promise.all([one.close(), other.close()]);
  });

  test("is about as long as it may be", async () => {
    const sink = seams.events({ maxLength: 1000, maxBytes: MAX_BYTES });
    for (let i = 0; i < 5000; i++) sink.tell(occupied(`${i}`));
    await sink.deliver(message("1"));
    const length = await reader.xlen("holdfast:events");
    expect(length).toBeGreaterThanOrEqual(1000);
    expect(length).toBeLessThan(1500);
    await sink.close();
  });

  test("takes about as much memory as it may, however few its events are, and keeps the newest", async () => {
    const metrics = new RecordingMetrics();
    const bounds = { maxLength: 100_000, maxBytes: 1_000_000 };
    const sink = new EventStream(seams.connection, bounds, OPTIONS, { ...SEAMS, metrics });
    for (let i = 0; i < 200; i++) await sink.deliver(message(`"${i}:${"e".repeat(30_000)}"`));
    expect(Number(await reader.call("MEMORY", "USAGE", "holdfast:events"))).toBeLessThan(1_200_000);
    const left = (await reader.xrange("holdfast:events", "-", "+")).map(record);
    expect(left.length).toBeGreaterThan(15);
    expect(left.at(-1)?.data).toContain('"199:');
    expect(metrics.count("events_trimmed")).toBe(200 - left.length);
    await sink.close();
  });

  test("goes on for a user of Redis that may not ask how much memory it takes", async () => {
    await reader.call("ACL", "SETUSER", "default", "-memory|usage");
    const sink = seams.events({ maxLength: 1000, maxBytes: 1 });
    for (let i = 0; i < 3; i++) await sink.deliver(message(`${i}`));
    expect(await reader.xlen("holdfast:events")).toBe(3);
    await sink.close();
  });

  test("has what was told during an outage afterwards, and refuses at once what is awaited", async () => {
    const sink = seams.events({ maxLength: 1000, maxBytes: MAX_BYTES });
    await sink.deliver(message('"before"'));
    await server.stop();
    for (let i = 0; i < 100 && seams.broker.state === "ready"; i++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    sink.tell(occupied("during"));
    await expect(sink.deliver(message('"during"'))).rejects.toThrow(BrokerUnavailable);
    await server.restart();
    const events = await reading(reader, 2);
    expect(events.map(({ channel, data }) => channel ?? data)).toEqual(['"before"', "during"]);
    await sink.close();
  });

  test("gives up what it cannot pass on at once when it is closed", async () => {
    const metrics = new RecordingMetrics();
    await seams.broker.close();
    const sink = new EventStream(seams.connection, { maxLength: 1000, maxBytes: MAX_BYTES }, OPTIONS, {
      ...SEAMS,
      metrics,
    });
    sink.tell(occupied("a"));
    await sink.close();
    expect(metrics.count("events_dropped")).toBe(1);
  });
});

describe("the stream of events on a Redis that fails", () => {
  /** Answers as the test says; remembers the channels or data of each batch. */
  class ScriptedHost implements ScriptHost {
    state: ScriptHost["state"] = "ready";
    readonly destination = String;
    readonly batches: string[][] = [];
    answers: ("ok" | "fail")[] = [];
    async ask<T>({ args }: ScriptCall, understand: (reply: unknown) => T): Promise<T> {
      this.batches.push(
        args.map(String).filter((_, i) => args[i - 1] === "channel" || args[i - 1] === "data"),
      );
      if (this.answers.shift() === "fail") throw new BrokerUnavailable("it failed");
      return understand("");
    }
  }
  const world = (options: Partial<RedisOptions> = {}) => {
    const [host, clock] = [new ScriptedHost(), new FakeClock()];
    const [logger, metrics] = [new RecordingLogger(), new RecordingMetrics()];
    const seams = { clock, logger, metrics, random: () => 0.5 };
    return {
      host,
      clock,
      logger,
      metrics,
      sink: new EventStream(host, { maxLength: 10, maxBytes: MAX_BYTES }, { ...OPTIONS, ...options }, seams),
    };
  };

  test("tries a batch again, in its place, and refuses what is awaited", async () => {
    const { host, clock, sink, logger, metrics } = world();
    host.answers = ["fail", "fail"];
    sink.tell(occupied("a"));
    const refused = expect(sink.deliver(message("1"))).rejects.toThrow("it failed");
    await clock.settle();
    await refused;
    sink.tell(occupied("b"));
    for (let i = 0; i < 3; i++) {
      clock.advance(250);
      await clock.settle();
    }
    expect(host.batches).toEqual([
      ["a", "1"],
      ["a", "b"],
      ["a", "b"],
    ]);
    expect(metrics.count("events")).toBe(2);
    expect(logger.lines.filter(({ message }) => message.includes("cannot pass on events"))).toHaveLength(1);
  });

  test("keeps so many, lets the oldest go, and counts them; nothing is tried while Redis is away", async () => {
    const { host, clock, sink, metrics } = world({ maxQueuedEvents: 3 });
    host.state = "connecting";
    for (const channel of ["a", "b", "c", "d", "e"]) sink.tell(occupied(channel));
    clock.advance(1000);
    await clock.settle();
    expect(host.batches).toEqual([]);
    host.state = "ready";
    clock.advance(250);
    await clock.settle();
    expect(host.batches).toEqual([["c", "d", "e"]]);
    expect(metrics.count("events_dropped")).toBe(2);
  });

  test("refuses the oldest message when there is no room for it", async () => {
    const { sink, metrics } = world({ maxQueuedEvents: 1 });
    const refused = expect(sink.deliver(message("1"))).rejects.toThrow(BrokerUnavailable);
    sink.tell(occupied("a"));
    await refused;
    expect(metrics.count("events_dropped")).toBe(0);
  });

  test("puts what one turn says into one batch, of a bounded size", async () => {
    const { host, clock, sink } = world();
    for (let i = 0; i < 600; i++) sink.tell(occupied(`${i}`));
    await clock.settle();
    expect(host.batches.map(({ length }) => length)).toEqual([256, 256, 88]);
  });
});
