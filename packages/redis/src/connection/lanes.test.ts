import { BrokerUnavailable, channelTopic, noMetrics, silentLogger, systemClock } from "@holdfast/core";
import { BrokerListener } from "@holdfast/core/testing";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import type { RedisBroker } from "../broker.js";
import { RedisKeys } from "../keys.js";
import { publishCall } from "../log.js";
import { SeamsOnRedis } from "../seams-on-redis.js";
import { parseRedisUrl, type RedisTarget } from "../target.js";
import { RedisServer } from "../testing/index.js";
import { CommandLanes } from "./lanes.js";
import type { DatedRun } from "./run.js";
import { SCRIPTS } from "./script.js";
import { slotOf } from "./slot.js";

const SEAMS = { clock: systemClock, logger: silentLogger, metrics: noMetrics, random: Math.random };
const FOREVER = Number.POSITIVE_INFINITY;
const KEPT = { size: 2000, ttlMs: 60_000 };

/** Of the lane "x" where no other is said. */
function run(texts: string, lane = "x", args: readonly string[] = ["to"]): DatedRun {
  const parts = [...texts].map((data) => ({ data, record: undefined }));
  return { script: SCRIPTS.publish, lane, keys: ["k"], args, parts, nonce: texts, deadline: "0" };
}

describe("lanes", () => {
  test("what comes while a call is under way waits for it, and leaves together where it is told the same", async () => {
    const sent: string[] = [];
    const answers: ((reply: unknown) => void)[] = [];
    const lanes = new CommandLanes(
      ({ args }) => {
        sent.push(args.filter((arg) => arg !== "0").join(" "));
        return new Promise((resolve) => answers.push(resolve));
      },
      () => 0,
    );
    const done: unknown[] = [];
    for (const text of ["a", "b", "c"])
      void lanes.run(run(text), 1, FOREVER).then((replies) => done.push(replies));
    void lanes.run(run("o", "y"), 1, FOREVER);
    void lanes.run(run("d", "x", ["elsewhere"]), 1, FOREVER);
    void lanes.direct("x", async () => sent.push("direct"), FOREVER);
    expect(sent).toEqual(["a to a", "o to o"]);
    answers[0]?.(["1"]);
    await new Promise(setImmediate);
    expect(sent.slice(2)).toEqual(["b to b c"]);
    answers[2]?.(["2", "3"]);
    await new Promise(setImmediate);
    expect(done).toEqual([["1"], ["2"], ["3"]]);
    expect(sent.slice(3)).toEqual(["d elsewhere d"]);
    answers[3]?.(["4"]);
    await new Promise(setImmediate);
    expect(sent.slice(4)).toEqual(["direct"]);
  });

  test("what leaves together is bounded in publications and bytes", async () => {
    const sent: number[] = [];
    const lanes = new CommandLanes(
      ({ args }) => {
        const count = (args.length - 2) / 3;
        sent.push(count);
        return Promise.resolve(Array.from({ length: count }, () => ""));
      },
      () => 0,
    );
    const small = Array.from({ length: 300 }, () => lanes.run(run("s"), 1, FOREVER));
    const large = Array.from({ length: 5 }, () => lanes.run(run("l"), 100_000, FOREVER));
    await Promise.all([...small, ...large]);
    expect(sent).toEqual([1, 128, 128, 45, 2, 1]);
  });

  test("runs that callers made go one by one, as they are, in the order of the lane", async () => {
    const sent: string[] = [];
    const answers: (() => void)[] = [];
    const lanes = new CommandLanes(
      ({ args }) => {
        sent.push(args.filter((arg) => arg !== "0").join(" "));
        return new Promise((resolve) => answers.push(() => resolve([])));
      },
      () => 0,
    );
    for (const texts of ["a", "bc", "de", "f"]) void lanes.run(run(texts), 1, FOREVER);
    for (let at = 0; at < 3; at++) {
      answers[at]?.();
      await new Promise(setImmediate);
    }
    expect(sent).toEqual(["a to a", "bc to b c", "de to d e", "f to f"]);
  });

  test("a call whose time is over, or whose link is closed, is never sent", async () => {
    const sent: string[] = [];
    let now = 0;
    let end = (): void => {};
    const lanes = new CommandLanes(
      ({ args }) => {
        sent.push(String(args.at(-1)));
        return new Promise((resolve) => {
          end = () => resolve([""]);
        });
      },
      () => now,
    );
    const first = lanes.run(run("a"), 1, 10);
    const late = lanes.run(run("b"), 1, 10);
    const next = lanes.run(run("c"), 1, 20);
    const closed = lanes.run(run("d"), 300_000, 20);
    now = 15;
    end();
    await first;
    await expect(late).rejects.toThrow("the time of the call was over");
    lanes.close();
    end();
    await next;
    await expect(closed).rejects.toThrow("closed");
    expect(sent).toEqual(["a", "c"]);
  });

  test("slots are the Cluster's", () => {
    expect([slotOf("123456789"), slotOf("a{foo}b"), slotOf("foo"), slotOf("{}x")]).toEqual([
      12739,
      12182,
      12182,
      slotOf("{}x"),
    ]);
  });
});

describe("the order of publications on Redis", () => {
  let server: RedisServer;
  let backend: Redis;
  beforeAll(async () => {
    server = await RedisServer.start();
    backend = new Redis(server.port, "127.0.0.1");
  });
  afterAll(async () => {
    backend.disconnect();
    await server.close();
  });

  test("holds while the server keeps forgetting its scripts, and another worker tells them again", async () => {
    const topic = channelTopic("flushed");
    const [one, two] = [0, 1].map(() => {
      const target = parseRedisUrl(server.url) as RedisTarget;
      // The order is asked for, on a machine of whatever speed.
      return new BrokerListener(new SeamsOnRedis({ target, commandTimeoutMs: 20_000 }, SEAMS).broker);
    });
    if (one === undefined || two === undefined) throw new Error("no brokers");
    try {
      await Promise.all([one.reach("ready"), two.reach("ready")]);
      await one.broker.subscribe(topic);
      let flushing = true;
      const flushes = (async () => {
        while (flushing) await backend.script("FLUSH");
      })();
      const published: Promise<unknown>[] = [];
      for (let i = 0; i < 1200; i++) {
        const options = i % 7 === 3 ? { key: `k${i}` } : { retention: KEPT };
        published.push(one.broker.publish(topic, `one ${i}`, options));
        published.push(two.broker.publish(topic, `two ${i}`, { retention: KEPT }));
        if (i % 13 === 0) await new Promise(setImmediate);
      }
      await Promise.all(published);
      flushing = false;
      await flushes;
      await one.broker.publish(topic, "end");
      await one.upTo("end");
      for (const who of ["one", "two"]) {
        const heard = one.received.map(({ data }) => String(data)).filter((data) => data.startsWith(who));
        expect(heard).toEqual(Array.from({ length: 1200 }, (_, i) => `${who} ${i}`));
      }
    } finally {
      await Promise.all([one.broker.close(), two.broker.close()]);
    }
  });

  test("calls in order: those before a refused one are done, it and those behind it are not", async () => {
    const keys = new RedisKeys("holdfast:");
    const topic = channelTopic("in-order");
    const listener = new BrokerListener(
      new SeamsOnRedis({ target: parseRedisUrl(server.url) as RedisTarget }, SEAMS).broker,
    );
    const broker = listener.broker as RedisBroker;
    try {
      await listener.reach("ready");
      await backend.lpush(keys.record(topic, "bad"), "x");
      const publications = ["a", "b", "bad", "c"].map((key) => ({ data: key, key }));
      const { done, failure } = await broker.publishInOrder(topic, publications, KEPT);
      expect(done.map((position) => position?.offset)).toEqual([1, 2]);
      expect(failure?.message).toContain("WRONGTYPE");
      await backend.del(keys.record(topic, "bad"));
      const again = await broker.publishInOrder(topic, publications, KEPT);
      expect(again.failure).toBeUndefined();
      expect(again.done.map((position) => position?.offset)).toEqual([1, 2, 3, 4]);
    } finally {
      await broker.close();
    }
    const closed = await broker.publishInOrder(topic, [{ data: "e", key: "e" }], undefined);
    expect(closed).toEqual({ done: [], failure: expect.any(BrokerUnavailable) });
  });

  test("a call that Redis refuses within a batch fails with those behind it, and nothing is published twice", async () => {
    const keys = new RedisKeys("holdfast:");
    const topic = channelTopic("refused");
    const listener = new BrokerListener(
      new SeamsOnRedis({ target: parseRedisUrl(server.url) as RedisTarget }, SEAMS).broker,
    );
    try {
      await listener.reach("ready");
      // The record of this key is no string: Redis refuses to read it.
      await backend.lpush(keys.record(topic, "bad"), "x");
      const outcomes = await Promise.allSettled(
        ["a", "b", "bad", "c"].map((key) => listener.broker.publish(topic, key, { retention: KEPT, key })),
      );
      expect(outcomes.map(({ status }) => status)).toEqual([
        "fulfilled",
        "fulfilled",
        "rejected",
        "rejected",
      ]);
      const last = await listener.broker.publish(topic, "d", { retention: KEPT, key: "d" });
      expect(last?.offset).toBe(3);
      expect(publishCall({ keys, destination: String }, topic, [], KEPT).lane).toBe(keys.log(topic));
    } finally {
      await listener.broker.close();
    }
  });
});
