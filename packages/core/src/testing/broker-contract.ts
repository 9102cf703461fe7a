/**
 * The contract of the broker seam as a test suite. Every implementation must do what `broker.ts` says.
 *
 * The tests wait for events and settled promises only. To show that something does not arrive, they send
 * something later and wait for that.
 */
import type { Data } from "@holdfast/protocol";
import { describe, expect, test } from "@jest/globals";
import { BrokerUnavailable } from "../broker/broker.js";
import { BROADCAST, channelTopic, type Topic, userTopic } from "../broker/topic.js";
import { type Brokers, type BrokerWorld, brokersPerTest } from "./broker-world.js";

const NEWS = channelTopic("news");
const SPORT = channelTopic("sport");

/** Runs the contract against `factory`, which makes a new world for each test. */
export function brokerContract(name: string, factory: () => BrokerWorld | Promise<BrokerWorld>): void {
  describe(`${name} keeps the broker contract`, () => {
    const use = brokersPerTest(factory);
    becomesReady(use);
    reachesEverySubscriber(use);
    deliversOnlyWhatIsWished(use);
    keepsOneOrder(use);
    takesAnyDataAndTopic(use);
    closesForGood(use);
  });
}

/** It says when it can be used, and refuses before. */
function becomesReady(use: Brokers): void {
  test("a broker becomes ready and says so", async () => {
    const listener = use.create();
    await listener.reach("ready");
    expect(listener.states).toEqual(["ready"]);
  });

  test("before it is started it is connecting and refuses at once", async () => {
    const broker = use.world().create();
    expect(broker.state).toBe("connecting");
    await expect(broker.publish(NEWS, "1")).rejects.toBeInstanceOf(BrokerUnavailable);
    await expect(broker.subscribe(NEWS)).rejects.toBeInstanceOf(BrokerUnavailable);
    await broker.close();
  });
}

/** A publication reaches each broker that subscribed, later than the call. */
function reachesEverySubscriber(use: Brokers): void {
  test("a publication reaches every subscriber, the publisher included", async () => {
    const [a, b] = await use.ready(2);
    await Promise.all([a.broker.subscribe(NEWS), b.broker.subscribe(NEWS)]);
    await a.broker.publish(NEWS, "1");
    await Promise.all([a.upTo("1"), b.upTo("1")]);
    expect(a.received).toEqual([{ topic: NEWS, data: "1" }]);
    expect(b.received).toEqual([{ topic: NEWS, data: "1" }]);
  });

  test("nothing is delivered inside the call to publish", async () => {
    const [a] = await use.ready(1);
    await a.broker.subscribe(NEWS);
    const published = a.broker.publish(NEWS, "1");
    expect(a.received).toEqual([]);
    await published;
    await a.upTo("1");
  });

  test("every publication after subscribe resolved is delivered", async () => {
    const [a, b] = await use.ready(2);
    const topics = Array.from({ length: 50 }, (_, i) => channelTopic(`room:${i}`));
    await Promise.all(
      topics.map(async (topic) => {
        await a.broker.subscribe(topic);
        await b.broker.publish(topic, topic);
      }),
    );
    await Promise.all(topics.map((topic) => a.upTo(topic)));
    expect(a.received).toHaveLength(topics.length);
  });
}

/** A topic is delivered from its subscribe to its unsubscribe, once. */
function deliversOnlyWhatIsWished(use: Brokers): void {
  test("a topic that was not subscribed is not delivered", async () => {
    const [a] = await use.ready(1);
    await a.broker.subscribe(NEWS);
    for (const topic of [SPORT, BROADCAST, userTopic("news"), channelTopic("news2"), channelTopic("*")]) {
      await a.broker.publish(topic, "not for you");
    }
    await a.broker.publish(NEWS, "end");
    expect(await a.upTo("end")).toEqual(["end"]);
  });

  test("nothing is delivered after unsubscribe resolved", async () => {
    const [a] = await use.ready(1);
    await Promise.all([a.broker.subscribe(NEWS), a.broker.subscribe(SPORT)]);
    await a.broker.unsubscribe(NEWS);
    await a.broker.publish(NEWS, "late");
    await a.broker.publish(SPORT, "end");
    expect(await a.upTo("end")).toEqual(["end"]);
  });

  test("subscribing twice delivers once, and one unsubscribe ends it", async () => {
    const [a] = await use.ready(1);
    await Promise.all([a.broker.subscribe(NEWS), a.broker.subscribe(NEWS), a.broker.subscribe(SPORT)]);
    await a.broker.publish(NEWS, "once");
    await a.upTo("once");
    await a.broker.unsubscribe(NEWS);
    await a.broker.unsubscribe(NEWS);
    await a.broker.publish(NEWS, "late");
    await a.broker.publish(SPORT, "end");
    expect(await a.upTo("end")).toEqual(["once", "end"]);
  });

  test("of overlapping calls the last wish holds", async () => {
    const [a] = await use.ready(1);
    const { broker } = a;
    await Promise.all([
      broker.subscribe(NEWS),
      broker.unsubscribe(NEWS),
      broker.subscribe(NEWS),
      broker.subscribe(SPORT),
      broker.unsubscribe(SPORT),
    ]);
    await broker.publish(SPORT, "unwished");
    await broker.publish(NEWS, "wished");
    expect(await a.upTo("wished")).toEqual(["wished"]);
  });
}

/** Publications of a topic have one order, which is that of each publisher. */
function keepsOneOrder(use: Brokers): void {
  test("all subscribers of a topic see one order, whichever worker publishes", async () => {
    const [a, b, c] = await use.ready(3);
    await Promise.all([a, b, c].map(({ broker }) => broker.subscribe(NEWS)));
    const publications = Array.from({ length: 200 }, (_, i) =>
      (i % 2 === 0 ? a : b).broker.publish(NEWS, `${i}`),
    );
    await Promise.all(publications);
    await c.broker.publish(NEWS, "end");
    const orders = await Promise.all([a, b, c].map((each) => each.upTo("end")));
    expect(orders[0]).toHaveLength(201);
    expect(orders[1]).toEqual(orders[0]);
    expect(orders[2]).toEqual(orders[0]);
  });

  test("a publisher's publications keep their order", async () => {
    const [a, b] = await use.ready(2);
    await b.broker.subscribe(NEWS);
    const sent = Array.from({ length: 100 }, (_, i) => `${i}`);
    await Promise.all(sent.map((data) => a.broker.publish(NEWS, data)));
    await a.broker.publish(NEWS, "end");
    expect(await b.upTo("end")).toEqual([...sent, "end"]);
  });
}

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));
/** Bytes that are good text, that are not, that are none, and that look like marks of ours. */
const SAMPLES: readonly Data[] = [
  bytesOf("{}"),
  "{}",
  bytesOf(""),
  "",
  bytesOf("\u00ff\u00d8\u0000\n"),
  bytesOf("\u00ffhf\u00ff1"),
  bytesOf("\u0001hf\u00011 a b"),
];

/** Data and names arrive to the letter. */
function takesAnyDataAndTopic(use: Brokers): void {
  test.each([
    ["empty", ""],
    ["text that is not JSON", "hello\r\n*3\r\n$5"],
    ["JSON", '{"a":[1,2,"\\u0000"]}'],
    ["beyond the basic plane", "\u{1f30a} \u0000 \ufeff ünïcode"],
    ["large", "x".repeat(300_000)],
  ])("the payload arrives as it was published: %s", async (_, data) => {
    const [a] = await use.ready(1);
    await a.broker.subscribe(NEWS);
    await a.broker.publish(NEWS, data);
    await a.upTo(data);
  });

  test("bytes arrive as the same bytes, and text as text, also where both have the same bytes", async () => {
    const [a] = await use.ready(1);
    await a.broker.subscribe(NEWS);
    for (const data of SAMPLES) await a.broker.publish(NEWS, data);
    await a.broker.publish(NEWS, "end");
    expect(await a.upTo("end")).toEqual([...SAMPLES, "end"]);
  });

  test.each<[string, Topic]>([
    ["broadcast", BROADCAST],
    ["a user with spaces and colons", userTopic("a b:c\n")],
    ["a channel with glob characters", channelTopic("*?[a]")],
    ["a channel with braces", channelTopic("{a}{b}")],
    ["a channel with a namespace", channelTopic("room:42")],
    ["a channel beyond ASCII", channelTopic("größe")],
  ])("any topic works: %s", async (_, topic) => {
    const [a] = await use.ready(1);
    await a.broker.subscribe(topic);
    await a.broker.publish(topic, "1");
    await a.upTo("1");
    expect(a.received).toEqual([{ topic, data: "1" }]);
  });
}

/** What is pending settles, later calls are refused, other brokers go on. */
function closesForGood(use: Brokers): void {
  test("closing settles what is pending, says so once, and later calls are refused", async () => {
    const [a] = await use.ready(1);
    const pending = [a.broker.subscribe(NEWS), a.broker.publish(NEWS, "1"), a.broker.unsubscribe(SPORT)];
    const settled = Promise.allSettled(pending);
    await Promise.all([a.broker.close(), a.broker.close()]);
    for (const outcome of await settled) {
      if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(BrokerUnavailable);
    }
    expect(a.broker.state).toBe("closed");
    expect(a.states).toEqual(["ready", "closed"]);
    await expect(a.broker.publish(NEWS, "1")).rejects.toBeInstanceOf(BrokerUnavailable);
    await expect(a.broker.subscribe(NEWS)).rejects.toBeInstanceOf(BrokerUnavailable);
    await expect(a.broker.unsubscribe(NEWS)).rejects.toBeInstanceOf(BrokerUnavailable);
  });

  test("closing one broker leaves the others alone", async () => {
    const [a, b] = await use.ready(2);
    await Promise.all([a.broker.subscribe(NEWS), b.broker.subscribe(NEWS)]);
    await a.broker.close();
    await b.broker.publish(NEWS, "1");
    expect(await b.upTo("1")).toEqual(["1"]);
    expect(a.received).toEqual([]);
  });
}
