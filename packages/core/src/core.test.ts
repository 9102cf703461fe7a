import { disconnects, errors, ownerOf } from "@holdfast/protocol";
import { describe, expect, test } from "@jest/globals";
import { BrokerUnavailable } from "./broker/broker.js";
import { MemoryBroker } from "./broker/broker-memory.js";
import { BROADCAST, CONTROL, channelTopic } from "./broker/topic.js";
import { CoreWorld, memoryWorld } from "./testing/core-world.js";
import { ScriptedBroker } from "./testing/scripted-broker.js";

const NEWS = channelTopic("news");

function scripted(options: ConstructorParameters<typeof CoreWorld>[1] = {}): CoreWorld<ScriptedBroker> {
  return new CoreWorld(new ScriptedBroker(), options);
}

describe("admitting", () => {
  test("a connection is admitted while core is open, with the broker away too", async () => {
    const world = scripted();
    const { core, broker } = world;
    expect(core.admit()).toBeUndefined();
    broker.become("ready");
    expect(core.brokerState).toBe("connecting"); // a broadcast now would be missed
    expect(core.admit(["news"])).toEqual(errors.unavailable);
    broker.last("subscribe", BROADCAST).resolve();
    await world.settle();
    expect(core.brokerState).toBe("connecting");
    broker.last("subscribe", CONTROL).resolve();
    await world.settle();
    expect(core.brokerState).toBe("ready");
    expect(core.admit()).toBeUndefined();
    expect(core.admit([])).toBeUndefined();
    expect(core.admit(["news", "room:1"])).toBeUndefined();
  });

  test("one with channels is not while the broker is away", () => {
    expect(scripted().core.admit(["news"])).toEqual(errors.unavailable);
  });

  test.each([
    ["a name that is none", ["a b"], errors.badChannel],
    ["another user's channel", ["user:1"], errors.forbidden],
    ["too many channels", ["a", "b", "c"], errors.limitChannels],
  ])("nor one with %s", (_, channels, error) => {
    expect(memoryWorld({ maxChannels: 2 }).core.admit(channels)).toMatchObject({ name: error.name });
  });

  test("no client is once core drains or is closed", async () => {
    const { core } = memoryWorld();
    core.drain({ windowMs: 0, reason: "x" });
    expect(core.admit()).toEqual(errors.unavailable);
    await core.close();
    expect(core.admit()).toEqual(errors.unavailable);
  });

  test("a connection that comes all the same is sent away", async () => {
    const world = memoryWorld();
    await world.core.close();
    const client = world.client();
    expect(client.transport.end).toMatchObject({ reason: "drain" });
    expect(world.core.connections).toBe(0);
  });

  test("a session id names the worker it belongs to", () => {
    const { id } = memoryWorld().client().connection;
    expect(id).toHaveLength(20);
    expect(ownerOf(id)).toEqual({ slot: 0, generation: 0 });
  });
});

describe("a broadcast", () => {
  test("reaches every connected client, whatever it subscribes to", async () => {
    const world = memoryWorld();
    const clients = [world.connected(), await world.subscribed("news"), world.client("objects", ["news"])];
    await world.settle();
    for (const client of clients) client.take();
    await world.broker.publish(BROADCAST, '{"all":true}');
    await world.settle();
    for (const client of clients)
      expect(client.take()).toEqual([{ kind: "push", op: "broadcast", body: { data: { all: true } } }]);
  });

  test("goes to many in slices, and to none that came after it began", async () => {
    const world = memoryWorld({ fanOutSliceMs: 1 });
    const clients = Array.from({ length: 300 }, () => world.connected());
    for (const client of clients) client.transport.onWrite = () => world.clock.spend(0.05);
    world.broker.publish(BROADCAST, "1");
    await new Promise((resolve) => setImmediate(resolve));
    world.clock.runDeferred();
    const late = world.connected();
    await world.settle();
    for (const client of clients) expect(client.take()).toHaveLength(1);
    expect(late.take()).toEqual([]);
  });

  test("is heard as soon as the broker can be reached, also when the first attempts fail", async () => {
    const world = scripted();
    const client = world.connected();
    expect(world.broker.log).toEqual([]);
    world.broker.become("ready");
    world.broker.last("subscribe", BROADCAST).reject(new BrokerUnavailable("not yet"));
    await world.settle();
    expect(world.logger.messages("warn")).toHaveLength(1);
    await world.pass(1_000);
    const both = ["subscribe broadcast", "subscribe control"];
    expect(world.broker.log).toEqual([...both, ...both]);
    world.broker.last("subscribe", BROADCAST).resolve();
    await world.settle();
    world.broker.deliver(BROADCAST, "1");
    await world.settle();
    expect(client.take()).toMatchObject([{ op: "broadcast" }]);
  });

  test("that could not be subscribed before the core closed is dropped", async () => {
    const world = scripted();
    world.broker.become("ready");
    const asked = world.broker.last("subscribe", BROADCAST);
    await world.core.close();
    asked.reject(new BrokerUnavailable("closed"));
    await world.settle();
    expect(world.logger.messages("warn")).toEqual([]);
  });

  test("is subscribed once, however often the broker comes and goes", async () => {
    const world = scripted();
    world.broker.become("ready");
    world.broker.become("connecting");
    world.broker.become("ready");
    world.broker.last("subscribe", BROADCAST).resolve();
    world.broker.last("subscribe", CONTROL).resolve();
    await world.settle();
    world.broker.become("connecting");
    world.broker.become("ready");
    await world.pass(5_000);
    expect(world.broker.log).toEqual(["subscribe broadcast", "subscribe control"]);
  });

  test("whose subscription failed while the broker was away is tried again when it is back", async () => {
    const world = scripted();
    world.broker.become("ready");
    world.broker.become("connecting");
    world.broker.last("subscribe", BROADCAST).reject(new BrokerUnavailable("away"));
    await world.pass(5_000);
    expect(world.broker.log).toHaveLength(2);
    world.broker.become("ready");
    expect(world.broker.log).toHaveLength(4);
  });

  test("is not subscribed any more once core is closed", async () => {
    const world = scripted();
    world.broker.become("ready");
    world.broker.last("subscribe", BROADCAST).reject(new BrokerUnavailable("not yet"));
    await world.settle();
    await world.core.close();
    await world.pass(5_000);
    world.broker.become("ready");
    expect(world.broker.log).toHaveLength(2);
  });
});

describe("a publication from outside", () => {
  test("that is too large is dropped and counted", async () => {
    const world = memoryWorld({ maxPublicationBytes: 10 });
    const client = await world.subscribed("news");
    await world.broker.publish(NEWS, '"ééééé"');
    await world.broker.publish(BROADCAST, '"ééééé"');
    await world.broker.publish(NEWS, '"éééé"');
    await world.settle();
    expect(client.data("news")).toEqual(["éééé"]);
    expect(world.metrics.count("broker_rejected")).toBe(2);
  });

  test("of anything but JSON is delivered as a string, on one line", async () => {
    const world = memoryWorld();
    const client = await world.subscribed("news");
    for (const text of ["", "hello", '{"a":\n1}', "{broken", "\u2028"])
      await world.broker.publish(NEWS, text);
    await world.settle();
    expect(client.data("news")).toEqual(["", "hello", { a: 1 }, "{broken", "\u2028"]);
    expect(client.transport.end).toBeUndefined();
  });
});

describe("a broker that goes away and comes back", () => {
  test("leaves the connections alone: commands that need it get a temporary error, and everything resumes", async () => {
    const world = scripted();
    const { broker } = world;
    broker.become("ready");
    const client = world.connected();
    client.subscribe("news");
    broker.last("subscribe", NEWS).resolve();
    await world.settle();
    client.take();

    broker.become("connecting");
    expect(world.core.brokerState).toBe("connecting");
    client.publish("open:x", 1);
    broker.last("publish", channelTopic("open:x")).reject(new BrokerUnavailable("away"));
    client.subscribe("sport");
    broker.last("subscribe", channelTopic("sport")).reject(new BrokerUnavailable("away"));
    await world.settle();
    expect(client.take()).toMatchObject([
      { kind: "error", error: { name: "unavailable", temporary: true } },
      { kind: "error", error: { name: "unavailable", temporary: true } },
    ]);
    expect(client.transport.end).toBeUndefined();

    broker.become("ready");
    broker.deliver(NEWS, "1");
    client.subscribe("sport");
    broker.last("subscribe", channelTopic("sport")).resolve();
    await world.settle();
    // A channel without history cannot tell what it missed.
    expect(client.take()).toMatchObject([
      { op: "subscribe" },
      { op: "gap", body: { channel: "news", reason: "unverifiable" } },
      { op: "publication" },
    ]);
  });
});

describe("closing", () => {
  test("disconnects all clients, lets go of the broker and stops the clock", async () => {
    const world = memoryWorld();
    const clients = [world.client(), await world.subscribed("a"), world.client("raw", ["b"])];
    await world.core.close();
    for (const client of clients) expect(client.transport.end).toMatchObject({ code: 3000 });
    expect(world.core.state).toBe("closed");
    expect(world.core.brokerState).toBe("closed");
    expect([world.core.connections, world.core.subscriptions, world.core.topics]).toEqual([0, 0, 0]);
    expect(world.clock.timers).toBe(0);
  });

  test("twice closes once, and both wait for the end", async () => {
    const broker = new ScriptedBroker();
    let release: () => void = () => {};
    const ended = new Promise<void>((resolve) => {
      release = resolve;
    });
    let closes = 0;
    broker.close = () => {
      closes++;
      return ended;
    };
    const { core, clock } = new CoreWorld(broker);
    const settled: number[] = [];
    core.close().then(() => settled.push(1));
    core.close().then(() => settled.push(2));
    await clock.settle();
    expect(settled).toEqual([]);
    release();
    await clock.settle();
    expect(settled.toSorted()).toEqual([1, 2]);
    await core.close();
    expect(closes).toBe(1);
  });

  test("with a batch on its way writes it to no client", async () => {
    const world = memoryWorld();
    const client = await world.subscribed("news");
    world.broker.publish(NEWS, "1");
    await world.core.close();
    await world.settle();
    expect(client.data("news")).toEqual([]);
    expect(world.clock.deferred).toBe(0);
  });

  test("a drain after it is done at once", async () => {
    const { core } = memoryWorld();
    await core.close();
    await core.drain({ windowMs: 1_000, reason: "x" });
    expect(core.state).toBe("closed");
  });
});

test("starting twice starts once", () => {
  const world = new CoreWorld(new MemoryBroker());
  const { timers } = world.clock;
  world.core.start();
  expect(world.clock.timers).toBe(timers);
  expect(world.core.state).toBe("open");
});

describe("a quiet worker", () => {
  function quiet(options: Parameters<typeof memoryWorld>[0] = {}) {
    const world = memoryWorld(options);
    const wakes = { count: 0, mayBeQuiet: () => true };
    const quietWhile = (isQuiet: () => boolean): void => {
      wakes.mayBeQuiet = isQuiet;
    };
    Object.assign(world.clock, {
      rest: { wake: () => wakes.count++, quietWhile, wasResting: false, wasQuiet: false },
    });
    const client = world.connected();
    world.clock.advance(1_000);
    const wakesBy = (act: () => void): boolean => {
      wakes.count = 0;
      act();
      return wakes.count > 0;
    };
    return { client, world, wakes, wakesBy };
  }

  test("is one whose clients are connected and say nothing; keepalive changes nothing about that", () => {
    const { client, world, wakesBy } = quiet();
    expect(world.core.isQuiet).toBe(true);
    const rounds = (): void => {
      for (let i = 0; i < 600; i++) {
        world.clock.advance(100);
        if (client.take().some(({ kind }) => kind === "ping")) client.connection.receive("{}");
      }
    };
    expect(wakesBy(rounds)).toBe(false);
    expect(world.metrics.count("keepalive_pings")).toBeGreaterThan(1);
    expect(world.core.isQuiet).toBe(true);
  });

  test("wakes when a client says something, goes, or comes, and when something is published or ordered", () => {
    const { client, world, wakesBy } = quiet();
    expect(wakesBy(() => client.unsubscribe("nothing"))).toBe(true);
    expect(wakesBy(() => world.core.shed({ count: 1, spreadMs: 1, minAgeMs: 60_000 }))).toBe(true);
    const other = quiet();
    const listener = other.world.client("objects", ["a"]);
    other.world.clock.advance(1_000);
    expect(other.wakesBy(() => other.world.client("raw", ["a"]))).toBe(true);
    expect(other.wakesBy(() => listener.connection.disconnect(disconnects.stale))).toBe(true);
    expect(other.wakesBy(() => other.client.gone())).toBe(true);
  });

  test("is none while a client connects, or is to be sent away", () => {
    const { world } = quiet();
    const connecting = world.client("lines");
    expect(world.core.isQuiet).toBe(false);
    connecting.gone();
    expect(world.core.isQuiet).toBe(true);
    const other = quiet();
    other.world.core.shed({ count: 1, spreadMs: 10_000, minAgeMs: 60_000 });
    expect(other.world.core.isQuiet).toBe(false);
  });

  test("is none any more once it drains", () => {
    const { world, wakes } = quiet();
    void world.core.drain({ windowMs: 10_000, reason: "a test" });
    expect(wakes.mayBeQuiet()).toBe(false);
  });

  test("wakes when something is published to one of its clients", async () => {
    const { client, world, wakes } = quiet();
    client.subscribe("news");
    await world.settle();
    wakes.count = 0;
    await world.broker.publish(NEWS, "1");
    await world.settle();
    expect(wakes.count).toBeGreaterThan(0);
    expect(client.data("news")).toEqual([1]);
  });
});
