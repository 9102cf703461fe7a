import {
  BrokerUnavailable,
  channelTopic,
  noMetrics,
  silentLogger,
  systemClock,
  type Topic,
} from "@holdfast/core";
import { BrokerListener, RecordingLogger, RecordingMetrics, RecordingTracing } from "@holdfast/core/testing";
import { withTraceparent } from "@holdfast/protocol";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import type { ScriptHost } from "./connection/script-host.js";
import { Ingest, type IngestParts } from "./ingest.js";
import { REDIS_DEFAULTS, type RedisOptions, type RedisSeams } from "./options.js";
import { SeamsOnRedis } from "./seams-on-redis.js";
import { parseRedisUrl, type RedisTarget } from "./target.js";
import { RedisCluster, RedisServer } from "./testing/index.js";

const SEAMS = { clock: systemClock, logger: silentLogger, metrics: noMetrics, random: Math.random };
const FAST = { commandTimeoutMs: 1000, pingIntervalMs: 50, minRetryDelayMs: 10, maxRetryDelayMs: 50 };
const KEEP = { size: 1000, ttlMs: 60_000 };
const NEWS = channelTopic("news");
const LEASE_MS = 300;

interface Rejected {
  readonly channel: string;
  readonly problem: string;
}

describe("ingest", () => {
  let server: RedisServer;
  let backend: Redis;
  let started: Ingest[];
  let listeners: BrokerListener[];
  let rejected: Rejected[];
  beforeEach(async () => {
    started = [];
    listeners = [];
    rejected = [];
    server = await RedisServer.start({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
    backend = new Redis(server.port, "127.0.0.1", { retryStrategy: () => 20 });
    backend.on("error", () => {});
  });
  afterEach(async () => {
    for (const ingest of started) await ingest.close();
    for (const { broker } of listeners) await broker.close();
    backend.disconnect();
    await server.close();
  });

  async function worker(): Promise<SeamsOnRedis> {
    const seams = new SeamsOnRedis({ target: parseRedisUrl(server.url) as RedisTarget, ...FAST }, SEAMS);
    const listener = new BrokerListener(seams.broker);
    listeners.push(listener);
    await listener.reach("ready");
    return seams;
  }

  /** Begins on the worker's connection, with a hand in between where `parts` say so. */
  function begin(
    { broker, connection }: SeamsOnRedis,
    own: Partial<IngestParts> = {},
    leaseMs = LEASE_MS,
    seams: RedisSeams = SEAMS,
  ): Ingest {
    const options: RedisOptions = {
      ...REDIS_DEFAULTS,
      ...FAST,
      target: parseRedisUrl(server.url) as RedisTarget,
      maxPublicationBytes: 1000,
    };
    const parts: IngestParts = {
      host: connection,
      publish: (...args) => broker.publishInOrder(...args),
      retentionOf: (channel) => (channel.startsWith("kept") || channel === "news" ? KEEP : undefined),
      rejections: { add: (channel, _, problem) => rejected.push({ channel, problem }) },
      leaseMs,
      ...own,
    };
    const ingest = new Ingest(parts, options, seams);
    started.push(ingest);
    ingest.start();
    return ingest;
  }

  async function subscriber(...topics: Topic[]): Promise<BrokerListener> {
    const { broker } = await worker();
    for (const topic of topics) await broker.subscribe(topic);
    return listeners.at(-1)!;
  }

  function add(channel: string, ...texts: string[]): Promise<unknown> {
    const pipeline = backend.pipeline();
    for (const text of texts) pipeline.xadd("holdfast:ingest", "*", "channel", channel, "data", text);
    return pipeline.exec();
  }

  function numbers(from: number, to: number): string[] {
    return Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);
  }

  async function emptied(): Promise<void> {
    while ((await backend.xlen("holdfast:ingest")) > 0) await new Promise(setImmediate);
  }

  test("what is added is published in order, kept where its channel keeps, and removed", async () => {
    const listener = await subscriber(NEWS, channelTopic("plain"));
    await add("news", "before anybody came");
    begin(await worker());
    await listener.upTo("before anybody came");
    await add("news", ...numbers(1, 250), "end");
    await add("plain", "a", "b", "end of plain");
    await Promise.all([listener.upTo("end"), listener.upTo("end of plain")]);
    const news = listener.received.filter(({ topic }) => topic === NEWS);
    expect(news.map(({ data }) => data)).toEqual(["before anybody came", ...numbers(1, 250), "end"]);
    expect(news.map(({ position }) => position?.offset)).toEqual(numbers(1, 252).map(Number));
    const plain = listener.received.filter(({ topic }) => topic !== NEWS);
    expect(plain.map(({ data, position }) => [data, position])).toEqual([
      ["a", undefined],
      ["b", undefined],
      ["end of plain", undefined],
    ]);
    await emptied();
  });

  test("a trace context is published with its entry, and left out where it is none", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const metrics = new RecordingMetrics();
    const tracing = new RecordingTracing();
    const listener = await subscriber(NEWS);
    begin(await worker(), {}, LEASE_MS, { ...SEAMS, metrics, tracing });
    const largest = "x".repeat(1000);
    for (const [data, context] of [
      [largest, traceparent],
      ["none", "nonsense"],
      ["unsampled", `${traceparent.slice(0, -2)}00`],
    ] as const)
      await backend.xadd("holdfast:ingest", "*", "channel", "news", "data", data, "traceparent", context);
    await add("news", "end");
    const [span] = await listener.upTo("end").then(() => tracing.spans);
    expect(tracing.spans).toMatchObject([
      { name: "publish", parent: traceparent, outcome: { problem: undefined } },
    ]);
    expect(listener.received.map(({ data }) => data)).toEqual([
      withTraceparent(largest, span?.traceparent),
      "none",
      withTraceparent("unsampled", `${traceparent.slice(0, -2)}00`),
      "end",
    ]);
    expect(metrics.count("trace_contexts_dropped")).toBe(1);
  });

  test("bytes are published as bytes, kept or not, up to the limit without their mark", async () => {
    const listener = await subscriber(NEWS, channelTopic("plain"));
    const jpeg = Buffer.from([0xff, 0xd8, 0xff, 0]);
    const marked = (text: string): Buffer =>
      Buffer.concat([Buffer.from([0xff, 0x68, 0x66, 0xff]), Buffer.from(text)]);
    const longest = "x".repeat(1000);
    for (const channel of ["news", "plain"])
      for (const data of [jpeg, marked("text"), marked(longest), marked(`${longest}x`), "end"])
        await backend.xadd("holdfast:ingest", "*", "channel", channel, "data", data);
    begin(await worker());
    await listener.upTo("end");
    await emptied();
    const bytes = (text: string | Buffer): Uint8Array => new Uint8Array(Buffer.from(text as string));
    for (const topic of [NEWS, channelTopic("plain")])
      expect(listener.received.filter((each) => each.topic === topic).map(({ data }) => data)).toEqual([
        bytes(jpeg),
        bytes("text"),
        bytes(longest),
        "end",
      ]);
    expect(rejected).toHaveLength(2);
  });

  test("an entry's own key makes its repetition harmless", async () => {
    const listener = await subscriber(NEWS);
    begin(await worker());
    const entry = ["channel", "news", "data", "once", "key", "order-1"];
    await backend.xadd("holdfast:ingest", "*", ...entry);
    await backend.xadd("holdfast:ingest", "*", ...entry);
    await add("news", "end");
    expect(await listener.upTo("end")).toEqual(["once", "end"]);
  });

  test("what is malformed is told, and holds up no other entry", async () => {
    const listener = await subscriber(NEWS);
    const malformed = [
      ["data", "1"],
      ["channel", "a b", "data", "1"],
      ["channel", "news"],
      ["channel", "news", "data", "x".repeat(1001)],
      ["channel", "news", "data", "x".repeat(100_000)],
      ["channel", "news", "data", "1", "key", ""],
      ["channel", "news", "data", "1", "key", "k".repeat(129)],
      ["other", "thing"],
      Array.from({ length: 200 }, (_, i) => `${i}`),
    ];
    for (const fields of malformed) await backend.xadd("holdfast:ingest", "*", ...fields);
    await backend.xadd("holdfast:ingest", "*", "more", "", "data", "x".repeat(1000), "channel", "news");
    begin(await worker());
    expect(await listener.upTo("x".repeat(1000))).toEqual(["x".repeat(1000)]);
    await emptied();
    expect(rejected.map(({ problem }) => problem)).toEqual([
      "has no field channel",
      "names no channel",
      "has no field data",
      "has data of more than 1000 bytes",
      "has data of more than 1000 bytes",
      "has a key that is not 1 to 128 characters long",
      "has a key that is not 1 to 128 characters long",
      "has no field channel",
      "has no field channel",
    ]);
  });

  test("of three contenders one works, and when holders go the order holds", async () => {
    const channels = ["kept:a", "kept:b", "c"];
    const listener = await subscriber(...channels.map(channelTopic));
    let holders = 0;
    const contenders = await Promise.all(
      numbers(1, 3).map(async () => {
        const seams = await worker();
        let published = 0;
        const publish: IngestParts["publish"] = (...args) => {
          if (published++ === 0) holders++;
          return seams.broker.publishInOrder(...args);
        };
        // Long enough that no slow machine makes two holders of one.
        return begin(seams, { publish }, 3000);
      }),
    );
    const sent = numbers(1, 200);
    for (const text of sent.slice(0, 100))
      for (const channel of channels) await add(channel, `${channel} ${text}`);
    await listener.upTo("kept:a 1");
    expect(holders).toBe(1);
    for (const [index, contender] of contenders.slice(0, 2).entries()) {
      const closing = contender.close();
      for (const channel of channels) await add(channel, `${channel} ${index} closes`);
      await closing;
    }
    for (const text of sent.slice(100))
      for (const channel of channels) await add(channel, `${channel} ${text}`);
    await Promise.all(channels.map((channel) => listener.upTo(`${channel} 200`)));
    for (const channel of channels) {
      const got = listener.received
        .filter(({ topic }) => topic === channelTopic(channel))
        .map(({ data }) => data);
      const expected = sent.map((text) => `${channel} ${text}`);
      expected.splice(100, 0, `${channel} 0 closes`, `${channel} 1 closes`);
      expect(got).toEqual(expected);
    }
  });

  test("channels that Redis refuses hold up no other, and go on in order when it takes them", async () => {
    const wrong = numbers(1, 5).map((n) => `kept:${n}`);
    const listener = await subscriber(NEWS, ...wrong.map(channelTopic));
    const seams = await worker();
    const refused = new Set(wrong.map(channelTopic));
    let refusals = 0;
    begin(seams, {
      publish: async (topic, ...rest) => {
        if (!refused.has(topic)) return seams.broker.publishInOrder(topic, ...rest);
        refusals++;
        return { done: [], failure: new BrokerUnavailable("the master of this slot is away") };
      },
    });
    // More than a round takes, several times.
    for (const channel of wrong) await add(channel, ...numbers(1, 700).map((n) => `${channel} ${n}`));
    await add("news", ...numbers(1, 700));
    await listener.upTo("700");
    expect(listener.received.map(({ data }) => data)).toEqual(numbers(1, 700));
    // Only the first of a channel is tried, and that seldom.
    expect(refusals).toBeLessThan(200);
    for (const channel of wrong) await add(channel, `${channel} 701`);
    refused.clear();
    for (const channel of wrong) await listener.upTo(`${channel} 701`);
    await emptied();
    for (const channel of wrong) {
      const got = listener.received.filter(({ topic }) => topic === channelTopic(channel));
      expect(got.map(({ data }) => data)).toEqual(numbers(1, 701).map((n) => `${channel} ${n}`));
    }
  });

  test("what follows one another in a channel goes in few steps, in order", async () => {
    const listener = await subscriber(NEWS);
    await add("news", ...numbers(1, 2000), "end");
    await backend.config("RESETSTAT");
    const metrics = new RecordingMetrics();
    begin(await worker(), {}, 10_000, { ...SEAMS, metrics });
    expect(await listener.upTo("end")).toEqual([...numbers(1, 2000), "end"]);
    await emptied();
    expect(metrics.count("ingest_entries")).toBe(2001);
    expect(metrics.count("ingest_runs")).toBe(17);
    expect(metrics.count("ingest_rounds_full")).toBe(2);
    const calls = Number(/cmdstat_evalsha:calls=(\d+)/.exec(await backend.info("commandstats"))?.[1]);
    // Runs of 128, and a few to take, to settle, to subscribe and to renew.
    expect(calls).toBeLessThan(60);
  });

  test("a failure within a run: nothing behind it is published before it, nothing twice", async () => {
    const listener = await subscriber(NEWS);
    const seams = await worker();
    await add("news", ...numbers(1, 300), "end");
    let failures = 0;
    begin(seams, {
      publish: async (topic, publications, retention) => {
        if (failures === 20) return seams.broker.publishInOrder(topic, publications, retention);
        const part = publications.slice(0, failures++ % 7);
        const { done } = await seams.broker.publishInOrder(topic, part, retention);
        return { done, failure: new BrokerUnavailable("the rest was refused") };
      },
    });
    expect(await listener.upTo("end")).toEqual([...numbers(1, 300), "end"]);
    expect(failures).toBe(20);
  });

  test("a holder that dies after publishing, before it settles: the next one repeats nothing and loses nothing", async () => {
    const listener = await subscriber(NEWS);
    const dying = await worker();
    await add("news", ...numbers(1, 10));
    const dead = new Promise<void>((resolve) => {
      begin(dying, {
        // Dead from the third publication on: nothing that it asks reaches Redis any more.
        publish: async (topic, publications, retention) => {
          await dying.broker.publishInOrder(topic, publications.slice(0, 3), retention);
          return new Promise(() => resolve());
        },
      });
    });
    await dead;
    started.length = 0;
    begin(await worker());
    await add("news", "end");
    expect(await listener.upTo("end")).toEqual([...numbers(1, 10), "end"]);
  });

  test("a holder that was held up for longer than its lease reads nothing and publishes nothing twice", async () => {
    const listener = await subscriber(NEWS);
    const slow = await worker();
    let resume: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      begin(slow, {
        publish: async (...args) => {
          if (args[1].some(({ data }) => data === "3")) {
            resolve();
            await new Promise<void>((go) => {
              resume = go;
            });
          }
          return slow.broker.publishInOrder(...args);
        },
      });
    });
    await add("news", ...numbers(1, 10));
    await held;
    begin(await worker());
    await listener.upTo("10");
    resume();
    await add("news", "end");
    expect(await listener.upTo("end")).toEqual([...numbers(1, 10), "end"]);
    await emptied();
    await add("news", "later");
    expect(await listener.upTo("later")).toEqual([...numbers(1, 10), "end", "later"]);
  });

  test.each([
    ["connecting", 0],
    ["ready", 1],
  ] as const)(
    "what fails while the broker is %s is told in %i lines: an outage is the broker's to tell",
    async (state, lines) => {
      const logger = new RecordingLogger();
      let asked = 0;
      const ask = async (): Promise<never> => {
        asked++;
        throw new BrokerUnavailable("no room");
      };
      const host: ScriptHost = { state, ask, destination: String };
      const options = { ...REDIS_DEFAULTS, ...FAST, target: parseRedisUrl(server.url) as RedisTarget };
      const parts: IngestParts = {
        host,
        publish: async () => ({ done: [], failure: undefined }),
        retentionOf: () => undefined,
        rejections: { add: () => {} },
      };
      const ingest = new Ingest(parts, options, { ...SEAMS, logger });
      ingest.start();
      while (asked < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      await ingest.close();
      expect(logger.lines).toHaveLength(lines);
    },
  );

  test("a user that may not wait for entries: they are published all the same, and one line says why", async () => {
    const logger = new RecordingLogger();
    await backend.acl("SETUSER", "gate", "on", ">pw", "~*", "&*", "+@all", "-xread");
    const listener = await subscriber(NEWS);
    const url = `redis://gate:pw@127.0.0.1:${server.port}`;
    const options = { ...REDIS_DEFAULTS, ...FAST, target: parseRedisUrl(url) as RedisTarget };
    const { connection, broker } = await worker();
    const parts: IngestParts = {
      host: connection,
      publish: (...args) => broker.publishInOrder(...args),
      retentionOf: () => undefined,
      rejections: { add: () => {} },
    };
    const ingest = new Ingest(parts, options, { ...SEAMS, logger });
    started.push(ingest);
    ingest.start();
    for (const text of numbers(1, 5)) {
      await add("news", text);
      await listener.upTo(text);
      await emptied();
      while (
        Number(/cmdstat_xread:.*rejected_calls=(\d+)/.exec(await backend.info("commandstats"))?.[1] ?? 0) <
        Number(text)
      );
    }
    const reason = expect.stringContaining("xread");
    expect(logger.lines).toEqual([expect.objectContaining({ fields: expect.objectContaining({ reason }) })]);
  });

  test("an outage: what was added before and after comes once, in order", async () => {
    const listener = await subscriber(NEWS);
    begin(await worker());
    begin(await worker());
    await add("news", ...numbers(1, 500));
    await listener.upTo("1");
    await server.kill();
    await server.restart();
    await listener.reachAgain("ready", 2);
    await add("news", "end");
    await listener.upTo("end");
    // What Redis had handed out when it died, no worker received: it is in the log, as everything is, once
    // and in order.
    const page = await listener.broker.read(NEWS, { from: 1, limit: 1000, retention: KEEP });
    expect(page.entries.map(({ data }) => data)).toEqual([...numbers(1, 500), "end"]);
    const received = listener.received.map(({ data }) => data);
    expect(new Set(received).size).toBe(received.length);
  });

  test("a stream that was flushed away is begun again; one of another kind is waited for", async () => {
    const listener = await subscriber(NEWS);
    begin(await worker());
    await add("news", "1");
    await listener.upTo("1");
    await backend.flushall();
    await add("news", "2");
    await listener.upTo("2");
    await emptied();
    await backend.set("holdfast:ingest", "text");
    await backend.del("holdfast:ingest");
    await add("news", "3");
    await listener.upTo("3");
  });

  test("only the holder has a connection that waits, and none is left after closing", async () => {
    const ingests = [begin(await worker()), begin(await worker())];
    const waiting = async () => String(await backend.client("LIST")).match(/cmd=xread /g)?.length ?? 0;
    while ((await waiting()) === 0);
    const total = async () =>
      String(await backend.client("LIST"))
        .trim()
        .split("\n").length;
    expect(await waiting()).toBe(1);
    for (const ingest of ingests) await ingest.close();
    // One backend, and two connections of each broker.
    while ((await total()) !== 5);
    expect(await backend.exists("holdfast:lease:{holdfast:ingest}")).toBe(0);
  });
});

test("ingest works on a Redis Cluster, for channels of every slot", async () => {
  const cluster = await RedisCluster.start();
  const seams = new SeamsOnRedis({ target: parseRedisUrl(cluster.url) as RedisTarget, ...FAST }, SEAMS);
  const { broker } = seams;
  const ingest = seams.ingest(() => KEEP);
  const backend = new Redis.Cluster(cluster.members.map(({ port }) => ({ host: "127.0.0.1", port })));
  try {
    const listener = new BrokerListener(broker);
    await listener.reach("ready");
    ingest.start();
    const channels = Array.from({ length: 12 }, (_, i) => `room:${i}`);
    for (const channel of channels) await broker.subscribe(channelTopic(channel));
    for (const text of ["1", "2", "3"]) {
      for (const channel of channels) {
        await backend.xadd("holdfast:ingest", "*", "channel", channel, "data", `${channel} ${text}`);
      }
    }
    await Promise.all(channels.map((channel) => listener.upTo(`${channel} 3`)));
    for (const channel of channels) {
      const got = listener.received.filter(({ topic }) => topic === channelTopic(channel));
      expect(got.map(({ data }) => data)).toEqual(["1", "2", "3"].map((text) => `${channel} ${text}`));
      expect(got.map(({ position }) => position?.offset)).toEqual([1, 2, 3]);
    }
  } finally {
    await ingest.close();
    await broker.close();
    backend.disconnect();
    await cluster.close();
  }
}, 30_000);
