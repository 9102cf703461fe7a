/**
 * The contract of the broker seam as a test suite. Every implementation must do what `broker.ts` says.
 *
 * The tests wait for events and settled promises only. To show that something does not arrive, they send
 * something later and wait for that.
 */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type Broker, BrokerUnavailable } from "../broker/broker.js";
import { BROADCAST, channelTopic, type Topic, userTopic } from "../broker/topic.js";
import { BrokerListener } from "./broker-listener.js";

/** Brokers that share their publications, and power over what joins them. */
export interface BrokerWorld {
  /** Another broker of this world, not started. The suite closes it. */
  create(): Broker;
  /** Ends the world. Every broker is closed by then. */
  close(): Promise<void>;
}

/** A world whose brokers can lose what joins them. */
export interface FallibleBrokerWorld extends BrokerWorld {
  /** Takes away what joins the brokers. They notice by themselves. */
  away(): Promise<void>;
  /** Brings it back, with none of the brokers' subscriptions. */
  back(): Promise<void>;
}

const NEWS = channelTopic("news");
const SPORT = channelTopic("sport");

/** Runs the contract against `factory`, which makes a new world for each test. */
export function brokerContract(name: string, factory: () => BrokerWorld | Promise<BrokerWorld>): void {
  describe(`${name} keeps the broker contract`, () => {
    const use = listeners(factory);

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
  });
}

/** What a broker owes besides when that which joins the brokers can go away. */
export function brokerOutageContract(
  name: string,
  factory: () => FallibleBrokerWorld | Promise<FallibleBrokerWorld>,
): void {
  describe(`${name} keeps the broker contract through an outage`, () => {
    const use = listeners(factory);

    test("it says when it went, refuses at once meanwhile, and restores all subscriptions before it is ready", async () => {
      const [a, b] = await use.ready(2);
      const topics = Array.from({ length: 30 }, (_, i) => channelTopic(`room:${i}`));
      await Promise.all(topics.map((topic) => a.broker.subscribe(topic)));
      await use.world().away();
      await Promise.all([a.reach("connecting"), b.reach("connecting")]);
      await expect(a.broker.publish(NEWS, "lost")).rejects.toBeInstanceOf(BrokerUnavailable);
      await expect(a.broker.subscribe(NEWS)).rejects.toBeInstanceOf(BrokerUnavailable);
      await use.world().back();
      await Promise.all([a.reach("ready"), b.reach("ready")]);
      expect(a.states).toEqual(["ready", "connecting", "ready"]);
      await Promise.all(topics.map((topic) => b.broker.publish(topic, topic)));
      await Promise.all(topics.map((topic) => a.upTo(topic)));
      expect(a.received).toHaveLength(topics.length);
    });

    test("what was refused or given up meanwhile is not restored", async () => {
      const [a] = await use.ready(1);
      await Promise.all([a.broker.subscribe(NEWS), a.broker.subscribe(SPORT)]);
      await use.world().away();
      await a.reach("connecting");
      await Promise.allSettled([a.broker.unsubscribe(NEWS), a.broker.subscribe(BROADCAST)]);
      await use.world().back();
      await a.reach("ready");
      await a.broker.publish(NEWS, "given up");
      await a.broker.publish(BROADCAST, "refused");
      await a.broker.publish(SPORT, "end");
      expect(await a.upTo("end")).toEqual(["end"]);
    });

    test("calls under way when it goes settle, and closing does not wait for its return", async () => {
      const [a] = await use.ready(1);
      const calls = Promise.allSettled([
        use.world().away(),
        a.broker.subscribe(NEWS),
        a.broker.publish(NEWS, "1"),
        a.broker.unsubscribe(SPORT),
      ]);
      for (const outcome of await calls) {
        if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(BrokerUnavailable);
      }
      await a.reach("connecting");
      await a.broker.close();
      expect(a.states).toEqual(["ready", "connecting", "closed"]);
      await use.world().back();
    });
  });
}

/** A world per test with its listeners, closed after it. */
function listeners<World extends BrokerWorld>(factory: () => World | Promise<World>) {
  let world: World | undefined;
  let open: BrokerListener[] = [];
  beforeEach(async () => {
    world = await factory();
    open = [];
  });
  afterEach(async () => {
    await Promise.all(open.map(({ broker }) => broker.close()));
    await world?.close();
  });
  const use = {
    world(): World {
      if (world === undefined) throw new Error("no test is running");
      return world;
    },
    create(): BrokerListener {
      const listener = new BrokerListener(use.world().create());
      open.push(listener);
      return listener;
    },
    /** That many brokers, ready. The tuple's length is not known to the compiler: three are always typed. */
    async ready(count: number): Promise<[BrokerListener, BrokerListener, BrokerListener]> {
      const created = Array.from({ length: count }, () => use.create());
      await Promise.all(created.map((listener) => listener.reach("ready")));
      return created as [BrokerListener, BrokerListener, BrokerListener];
    },
  };
  return use;
}
