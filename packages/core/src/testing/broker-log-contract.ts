/**
 * The contract of the broker seam's log as a test suite: offsets, epochs, retention, keys.
 *
 * It states facts only; what they prove about a client's position is tested in recovery.test.ts.
 */
import type { Data } from "@holdfast/protocol";
import { describe, expect, test } from "@jest/globals";
import {
  type Broker,
  BrokerUnavailable,
  type LogPage,
  type LogQuery,
  PAGE_BYTES,
  type Retention,
} from "../broker/broker.js";
import { channelTopic, type Topic } from "../broker/topic.js";
import type { BrokerListener } from "./broker-listener.js";
import { type BrokerWorld, brokersPerTest } from "./broker-world.js";

/** A world in which time can pass, for retention. */
export interface LogWorld extends BrokerWorld {
  /** Lets so much time pass, ms. */
  pass(ms: number): Promise<void>;
}

const NEWS = channelTopic("news");
const SPORT = channelTopic("sport");
const KEEP: Retention = { size: 5, ttlMs: 60_000 };
const LAST = Number.MAX_SAFE_INTEGER;

/** The world of the test that runs. */
interface LogBrokers {
  world(): LogWorld;
  /** Another broker, ready. */
  one(): Promise<BrokerListener>;
}

export function brokerLogContract(name: string, factory: () => LogWorld | Promise<LogWorld>): void {
  describe(`${name} keeps the broker's log contract`, () => {
    const brokers = brokersPerTest(factory);
    const use: LogBrokers = { world: brokers.world, one: async () => (await brokers.ready(1))[0] };
    countsWithoutAGap(use);
    boundsItsPages(use);
    keepsWhatItsRetentionSays(use);
    readsWhatIsAskedFor(use);
    publishesAKeyOnce(use);
    keepsOneOrder(use);
    takesAnyDataAndChannel(use);
    refusesUnlessReady(use);
  });
}

/** Offsets of a topic are consecutive in one epoch, and travel with publications. */
function countsWithoutAGap(use: LogBrokers): void {
  test("offsets begin at 1 and are gapless, in one epoch, per topic", async () => {
    const { broker } = await use.one();
    const first = await broker.publish(NEWS, "a", { retention: KEEP });
    const second = await broker.publish(NEWS, "b", { retention: KEEP });
    const other = await broker.publish(SPORT, "c", { retention: KEEP });
    expect(first?.offset).toBe(1);
    expect(second).toEqual({ offset: 2, epoch: first?.epoch });
    expect(other?.offset).toBe(1);
    expect(first?.epoch).toMatch(/^.{1,64}$/);
    expect(other?.epoch).not.toBe(first?.epoch);
  });

  test("subscribers get the position with the publication", async () => {
    const [a, b] = [await use.one(), await use.one()];
    await b.broker.subscribe(NEWS);
    const position = await a.broker.publish(NEWS, "1", { retention: KEEP });
    await a.broker.publish(NEWS, "2");
    await b.upTo("2");
    expect(b.received).toEqual([
      { topic: NEWS, data: "1", position },
      { topic: NEWS, data: "2" },
    ]);
  });
}

/** A page ends at its bytes, and the next one goes on there. */
function boundsItsPages(use: LogBrokers): void {
  test("a page ends at its bytes, with one entry at least; pages go on until the whole log was read, both ways", async () => {
    const { broker } = await use.one();
    const texts = ["a".repeat(40), "ü".repeat(30), "🌊".repeat(100), "b", "c".repeat(59)];
    await publish(broker, NEWS, ...texts);
    expect(offsets(await read(broker, { maxBytes: 100 }))).toEqual([1, 2]);
    expect(offsets(await read(broker, { maxBytes: 99 }))).toEqual([1]);
    expect(offsets(await read(broker, { maxBytes: 60, from: 4 }))).toEqual([4, 5]);
    expect(offsets(await read(broker, { maxBytes: 60, from: 5, reverse: true }))).toEqual([5, 4]);
    expect(offsets(await read(broker, { maxBytes: 1, from: 3, reverse: true }))).toEqual([3]);
    expect(offsets(await read(broker, { maxBytes: 1, limit: 0 }))).toEqual([]);
    for (const maxBytes of [1, 60, 100, 1000]) {
      const up: Data[] = [];
      for (let from = 1; from <= texts.length; ) {
        const page = await read(broker, { from, maxBytes });
        up.push(...data(page));
        from = (page.entries.at(-1)?.offset ?? texts.length) + 1;
      }
      const down: Data[] = [];
      for (let from = texts.length; from >= 1; ) {
        const page = await read(broker, { from, maxBytes, reverse: true });
        down.unshift(...data(page).reverse());
        from = (page.entries.at(-1)?.offset ?? 1) - 1;
      }
      expect({ up, down }).toEqual({ up: texts, down: texts });
    }
  });

  test("a page has its bound also where the query names none", async () => {
    const { broker } = await use.one();
    const text = "x".repeat(PAGE_BYTES / 4 + 1);
    await publish(broker, NEWS, text, text, text, text, text);
    expect(offsets(await read(broker))).toEqual([1, 2, 3]);
  });
}

/** Nothing without retention, the newest with it, until their time is over. */
function keepsWhatItsRetentionSays(use: LogBrokers): void {
  test("without retention nothing is kept, and there is no position", async () => {
    const { broker } = await use.one();
    expect(await broker.publish(NEWS, "a")).toBeUndefined();
    const page = await read(broker);
    expect(page.entries).toEqual([]);
    expect(page.top.offset).toBe(0);
    expect(page.oldest).toBe(1);
    expect(page.lineage).toEqual([]);
  });

  test("the first reader begins the log: the epoch is that of the first publication", async () => {
    const [a, b] = [await use.one(), await use.one()];
    const { top } = await read(a.broker);
    expect(top.offset).toBe(0);
    expect((await read(b.broker)).top).toEqual(top);
    expect(await b.broker.publish(NEWS, "a", { retention: KEEP })).toEqual({ offset: 1, epoch: top.epoch });
  });

  test("the log keeps the newest `size`, and says from where", async () => {
    const { broker } = await use.one();
    await publish(broker, NEWS, "1", "2", "3", "4", "5", "6", "7");
    const page = await read(broker);
    expect(offsets(page)).toEqual([3, 4, 5, 6, 7]);
    expect(page.oldest).toBe(3);
    expect(page.top.offset).toBe(7);
    expect(data(await read(broker, { from: LAST, limit: 1, reverse: true }))).toEqual(["7"]);
  });

  test("entries expire, one by one; offsets go on in the same epoch", async () => {
    const { broker } = await use.one();
    const retention = { size: 5, ttlMs: 1000 };
    const first = await broker.publish(NEWS, "1", { retention });
    await use.world().pass(600);
    await broker.publish(NEWS, "2", { retention });
    await use.world().pass(600);
    const page = await read(broker, { retention });
    expect(data(page)).toEqual(["2"]);
    expect(page.oldest).toBe(2);
    await use.world().pass(600);
    const empty = await read(broker, { retention });
    expect(empty.entries).toEqual([]);
    expect(empty.oldest).toBe(3);
    expect(empty.top).toEqual({ offset: 2, epoch: first?.epoch });
    expect(await broker.publish(NEWS, "3", { retention })).toEqual({ offset: 3, epoch: first?.epoch });
  });
}

/** A page is the part of the log that the query names. */
function readsWhatIsAskedFor(use: LogBrokers): void {
  test("a page has what was asked for, upwards and downwards, cut to what there is", async () => {
    const { broker } = await use.one();
    await publish(broker, NEWS, "1", "2", "3", "4");
    expect(data(await read(broker))).toEqual(["1", "2", "3", "4"]);
    expect(data(await read(broker, { from: 2, limit: 2 }))).toEqual(["2", "3"]);
    expect(data(await read(broker, { from: 0, limit: 1 }))).toEqual(["1"]);
    expect(data(await read(broker, { from: 4 }))).toEqual(["4"]);
    expect(data(await read(broker, { from: 5 }))).toEqual([]);
    expect(data(await read(broker, { from: LAST }))).toEqual([]);
    expect(data(await read(broker, { from: LAST, limit: 2, reverse: true }))).toEqual(["4", "3"]);
    expect(data(await read(broker, { from: 2, reverse: true }))).toEqual(["2", "1"]);
    expect(data(await read(broker, { from: 1, limit: 1, reverse: true }))).toEqual(["1"]);
    expect(data(await read(broker, { from: 0, reverse: true }))).toEqual([]);
    const position = await read(broker, { limit: 0 });
    expect(position.entries).toEqual([]);
    expect(position.top.offset).toBe(4);
    expect(position.oldest).toBe(1);
  });
}

/** A key that is repeated gets the position of its first publication. */
function publishesAKeyOnce(use: LogBrokers): void {
  test("a repeated key publishes nothing and answers with the first position", async () => {
    const [a, b] = [await use.one(), await use.one()];
    await b.broker.subscribe(NEWS);
    const options = { retention: KEEP, key: "order-1" };
    const first = await a.broker.publish(NEWS, "1", options);
    expect(await b.broker.publish(NEWS, "1 again", options)).toEqual(first);
    expect((await a.broker.publish(SPORT, "1", options))?.offset).toBe(1);
    expect((await a.broker.publish(NEWS, "2", { retention: KEEP, key: "order-2" }))?.offset).toBe(2);
    expect(await b.upTo("2")).toEqual(["1", "2"]);
    expect(data(await read(a.broker))).toEqual(["1", "2"]);
  });

  test("a key works without retention, too", async () => {
    const a = await use.one();
    await a.broker.subscribe(NEWS);
    expect(await a.broker.publish(NEWS, "1", { key: "k" })).toBeUndefined();
    expect(await a.broker.publish(NEWS, "1 again", { key: "k" })).toBeUndefined();
    await a.broker.publish(NEWS, "2", { key: "l" });
    expect(await a.upTo("2")).toEqual(["1", "2"]);
  });
}

/** Publishers in a race share one count, and it is the order of delivery. */
function keepsOneOrder(use: LogBrokers): void {
  test("of publishers in a race each gets its own offset, and all see one order", async () => {
    const [a, b] = [await use.one(), await use.one()];
    await a.broker.subscribe(NEWS);
    const sent = Array.from({ length: 100 }, (_, i) =>
      (i % 2 === 0 ? a : b).broker.publish(NEWS, `${i}`, { retention: KEEP }),
    );
    const positions = await Promise.all(sent);
    const given = positions.map((position) => position?.offset ?? 0);
    expect([...given].sort((x, y) => x - y)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    await a.broker.publish(NEWS, "end", { retention: KEEP });
    await a.upTo("end");
    const received = a.received.map(({ position }) => position?.offset);
    expect(received).toEqual(Array.from({ length: 101 }, (_, i) => i + 1));
    for (const [i, offset] of given.entries()) expect(a.received[offset - 1]?.data).toBe(`${i}`);
  });
}

/** Data and names come back to the letter. */
function takesAnyDataAndChannel(use: LogBrokers): void {
  test.each([
    ["empty", ""],
    ["not JSON", "hello\r\n*3\r\n"],
    ["beyond the basic plane", "\u{1f30a} \u0000 \ufeff ünïcode"],
    ["like our own marks", "\u0001hf\u0001 1 a 2"],
    ["large", "x".repeat(300_000)],
  ])("data comes back as it was published: %s", async (_, text) => {
    const a = await use.one();
    await a.broker.subscribe(NEWS);
    await a.broker.publish(NEWS, text, { retention: KEEP });
    await a.broker.publish(NEWS, "end", { retention: KEEP });
    expect(await a.upTo("end")).toEqual([text, "end"]);
    expect(data(await read(a.broker))).toEqual([text, "end"]);
  });

  test("bytes are kept as bytes, and text as text, also where both have the same bytes", async () => {
    const a = await use.one();
    await a.broker.subscribe(NEWS);
    const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));
    const samples: Data[] = [bytes("{}"), "{}", bytes(""), bytes("\u00ffhf\u00ff")];
    for (const each of samples) await a.broker.publish(NEWS, each, { retention: KEEP });
    await a.broker.publish(NEWS, "end", { retention: KEEP });
    expect(await a.upTo("end")).toEqual([...samples, "end"]);
    expect(data(await read(a.broker))).toEqual([...samples, "end"]);
  });

  test("bytes count towards the size of a page", async () => {
    const { broker } = await use.one();
    for (let i = 0; i < 3; i++)
      await broker.publish(NEWS, new Uint8Array(1000).fill(255), { retention: KEEP });
    expect((await read(broker, { maxBytes: 2500 })).entries.length).toBe(2);
  });

  test.each(["*?[a]", "{a}{b}", "}", "größe", "room:42"])("any channel works: %s", async (channel) => {
    const { broker } = await use.one();
    const topic = channelTopic(channel);
    await publish(broker, topic, "1", "2");
    expect(data(await read(broker, {}, topic))).toEqual(["1", "2"]);
  });
}

/** A broker that cannot read says so at once. */
function refusesUnlessReady(use: LogBrokers): void {
  test("a broker that is not ready refuses to read", async () => {
    const broker = use.world().create();
    await expect(read(broker)).rejects.toBeInstanceOf(BrokerUnavailable);
    await broker.close();
    await expect(read(broker)).rejects.toBeInstanceOf(BrokerUnavailable);
  });
}

async function publish(broker: Broker, topic: Topic, ...data: string[]): Promise<void> {
  for (const each of data) await broker.publish(topic, each, { retention: KEEP });
}

function read(broker: Broker, query: Partial<LogQuery> = {}, topic = NEWS): Promise<LogPage> {
  return broker.read(topic, { from: 1, limit: 100, retention: KEEP, ...query });
}

function data(page: LogPage): Data[] {
  return page.entries.map((entry) => entry.data);
}

function offsets(page: LogPage): number[] {
  return page.entries.map((entry) => entry.offset);
}
