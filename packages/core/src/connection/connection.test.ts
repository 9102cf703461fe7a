import { type Command, disconnects, errors } from "@holdfast/protocol";
import { describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { clusterKeys } from "../access/cluster-keys.js";
import { backendKey } from "../access/idempotency-key.js";
import { ResumeTokens } from "../access/resume-tokens.js";
import { BrokerUnavailable } from "../broker/broker.js";
import { MemoryBroker, MemoryBus } from "../broker/broker-memory.js";
import { BROADCAST, channelTopic } from "../broker/topic.js";
import type { CodecName } from "../codec/codecs.js";
import { CoreWorld, type FakeClient, memoryWorld } from "../testing/core-world.js";
import { ScriptedBroker } from "../testing/scripted-broker.js";
import { tellDrain } from "./drain.js";

const NEWS = channelTopic("news");
const SPORT = channelTopic("sport");

/** A world whose broker answers when the test says so. */
function scripted(): CoreWorld<ScriptedBroker> {
  const world = new CoreWorld(new ScriptedBroker());
  world.broker.become("ready");
  world.broker.last("subscribe", BROADCAST).resolve();
  return world;
}

function errorOf(client: FakeClient): unknown {
  const frames = client.take();
  expect(frames).toHaveLength(1);
  const [frame] = frames;
  return frame?.kind === "error" ? frame.error : frame;
}

/** The disconnect push and the close, which must say the same. */
function goodbye(client: FakeClient): string {
  const { end } = client.transport;
  if (end?.by !== "close") return end?.by ?? "open";
  const last = client.take().at(-1);
  expect(last).toMatchObject({ kind: "push", op: "disconnect", body: { code: end.code } });
  return end.reason;
}

/** What runs behind the code that runs now waits until `over` is called. */
function callback(world: CoreWorld): { readonly over: () => void } {
  const soon: (() => void)[] = [];
  jest.spyOn(world.clock, "soon").mockImplementation((run) => soon.push(run));
  return { over: () => soon.splice(0).forEach((run) => void run()) };
}

describe("a connection that is made by its URL", () => {
  test("is told of it before it is given to the edge, which sends it with the handshake's answer", () => {
    const world = memoryWorld();
    const { over } = callback(world);
    const client = world.client("lines", []);
    expect(client.take()).toMatchObject([{ kind: "push", op: "connect" }]);
    over();
    expect(client.take()).toEqual([]);
  });
});

describe("a connection that is ended by what it said last", () => {
  test("is answered a message before the edge reads what came behind it", () => {
    const world = memoryWorld();
    const client = world.client();
    const { over } = callback(world);
    client.connect();
    expect(client.take()).toMatchObject([{ kind: "reply" }]);
    client.connection.closed();
    over();
    expect(client.take()).toEqual([]);
  });

  test("is answered what it said before, and then told why", () => {
    const world = memoryWorld();
    const client = world.client();
    const { over } = callback(world);
    const id = client.connect();
    client.connection.receive("no JSON");
    over();
    expect(client.take()).toMatchObject([
      { kind: "reply", id },
      {
        kind: "push",
        op: "disconnect",
        body: { code: client.transport.end?.by === "close" ? client.transport.end.code : 0 },
      },
    ]);
    expect(client.transport.end?.by).toBe("close");
  });

  test("is ended once where its transport fails over what it said before", () => {
    const world = memoryWorld();
    const client = world.client();
    const { over } = callback(world);
    client.connect();
    jest.spyOn(client.transport, "write").mockImplementation(() => {
      throw new Error("broken");
    });
    const terminated = jest.spyOn(client.transport, "terminate");
    client.connection.receive("no JSON");
    over();
    expect(terminated).toHaveBeenCalledTimes(1);
    expect(client.connection.isOpen).toBe(false);
  });
});

describe("a connection that has yet to connect", () => {
  test("is told its session, the limits and the pings when it connects", () => {
    const world = memoryWorld();
    const client = world.client();
    client.connect();
    expect(client.take()).toEqual([
      {
        kind: "reply",
        id: 1,
        op: "connect",
        body: {
          sid: client.connection.id,
          resumed: false,
          ping: 25_000,
          pongTimeout: 8_000,
          serverTime: world.clock.now(),
          limits: { maxPayload: 65_536, maxChannels: 128, commandRate: 100 },
        },
      },
    ]);
  });

  test.each<[Command["op"], (client: FakeClient) => void]>([
    ["subscribe", (client) => client.subscribe("news")],
    ["unsubscribe", (client) => client.unsubscribe("news")],
    ["publish", (client) => client.publish("open:x", 1)],
  ])("may not %s", (_, ask) => {
    const client = memoryWorld().client();
    ask(client);
    expect(errorOf(client)).toEqual(errors.notConnected);
  });

  test("may ping", () => {
    const client = memoryWorld().client();
    client.connection.receive("{}");
    expect(client.take()).toEqual([{ kind: "ping" }]);
  });

  test("is disconnected with a word", () => {
    const client = memoryWorld().client();
    client.connection.disconnect(disconnects.internal);
    expect(goodbye(client)).toBe("internal");
  });

  test("hears no broadcast", async () => {
    const world = memoryWorld();
    const client = world.client();
    await world.broker.publish(BROADCAST, "1");
    await world.settle();
    expect(client.take()).toEqual([]);
  });
});

describe("connect", () => {
  test("works once", () => {
    const client = memoryWorld().connected();
    client.connect();
    expect(errorOf(client)).toEqual(errors.alreadyConnected);
  });

  test("by URL is answered when all are confirmed, over whatever transport", async () => {
    const world = scripted();
    const client = world.client("lines", ["news", "sport"]);
    world.broker.last("subscribe", NEWS).resolve();
    await world.settle();
    expect(client.take()).toEqual([]);
    world.broker.last("subscribe", SPORT).resolve();
    await world.settle();
    expect(client.take()).toMatchObject([{ kind: "push", op: "connect", body: { subs: { sport: {} } } }]);
  });

  test("with channels is answered when all are confirmed, with each one's fate", async () => {
    const world = scripted();
    const client = world.client();
    client.connect({ news: null, sport: null, "user:42": null });
    world.broker.last("subscribe", NEWS).resolve();
    await world.settle();
    expect(client.take()).toEqual([]);
    world.broker.last("subscribe", SPORT).reject(new BrokerUnavailable("away"));
    await world.settle();
    expect(client.take()).toMatchObject([
      {
        kind: "reply",
        op: "connect",
        body: {
          subs: {
            news: {},
            sport: { error: errors.unavailable },
            "user:42": { error: expect.objectContaining({ name: "forbidden" }) },
          },
        },
      },
    ]);
    expect(world.core.subscriptions).toBe(1);
  });

  test("with a channel at which the broker throws still connects: that channel alone is `internal`, and it is logged", async () => {
    const world = scripted();
    const client = world.client();
    client.connect({ news: null, sport: null });
    world.broker.last("subscribe", NEWS).resolve();
    world.broker.last("subscribe", SPORT).reject(new TypeError("a bug"));
    await world.settle();
    expect(client.take()).toMatchObject([
      { kind: "reply", body: { subs: { news: {}, sport: { error: errors.internal } } } },
    ]);
    expect(world.logger.messages("error")).toEqual(["could not subscribe"]);
  });

  test("with a name that is no channel name is refused, and may be tried again: the broker never sees it", async () => {
    const world = memoryWorld();
    const client = world.client();
    for (const wrong of ["", "a b", "x".repeat(256), "new\nline", "a b:c", "ns:"]) {
      client.connect({ [wrong]: null, news: null });
      expect(errorOf(client)).toMatchObject({ name: "bad_channel" });
    }
    expect(world.core.topics).toBe(0);
    client.connect({ news: null });
    await world.settle();
    expect(client.take()).toMatchObject([{ kind: "reply", body: { subs: { news: {} } } }]);
  });

  test("with a channel called __proto__ names it in the answer", async () => {
    const world = memoryWorld();
    const client = world.client();
    client.connection.receive('{"id":1,"connect":{"subs":{"__proto__":null}}}');
    await world.settle();
    expect(client.transport.messages[0]).toContain('"subs":{"__proto__":{}}');
  });

  test("with more channels than allowed gets as many as allowed", async () => {
    const world = memoryWorld({ maxChannels: 2 });
    const client = world.client();
    client.connect({ a: null, b: null, c: null });
    await world.settle();
    expect(client.take()).toMatchObject([
      { body: { subs: { a: {}, b: {}, c: { error: errors.limitChannels } } } },
    ]);
  });

  test("with many more channels than allowed pays for them, and is ended where it cannot", async () => {
    const world = memoryWorld({ maxChannels: 3, commandRate: 10 });
    const names = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`c${i}`, null]));
    const client = world.client();
    client.connect(names(3 + 190));
    await world.settle();
    expect(client.take()).toHaveLength(1);
    // A command costs ten of them: the connection owes nothing, and has nothing left.
    client.connection.receive('{"id":2,"history":{"channel":"c0"}}');
    await world.settle();
    expect(errorOf(client)).toEqual(errors.limitRate);
    const greedy = world.client();
    greedy.connect(names(3 + 400));
    await world.settle();
    expect(greedy.take()).toMatchObject([{ body: { code: disconnects.limitRate.code } }]);
    expect(world.core.subscriptions).toBe(3);
  });

  test("with positions says that without history nothing is proven", async () => {
    const world = memoryWorld();
    const client = world.client();
    client.connection.receive('{"id":1,"connect":{"subs":{"news":{"offset":3,"epoch":"e"}}}}');
    await world.settle();
    expect(client.take()).toMatchObject([
      { body: { subs: { news: { recovered: false, reason: "unverifiable" } } } },
    ]);
  });

  test("is answered before anything is pushed, though one channel was confirmed earlier than another", async () => {
    const world = scripted();
    const other = world.client();
    other.connect({ news: null });
    world.broker.last("subscribe", NEWS).resolve();
    await world.settle();
    other.take();
    const client = world.client();
    client.connect({ news: null, sport: null });
    world.broker.deliver(NEWS, "1");
    world.broker.deliver(BROADCAST, "1");
    await world.settle();
    expect(other.take()).toHaveLength(2);
    expect(client.take()).toEqual([]);
    world.broker.last("subscribe", SPORT).resolve();
    await world.settle();
    world.broker.deliver(NEWS, "2");
    await world.settle();
    expect(client.take()).toMatchObject([{ kind: "reply", op: "connect" }, { op: "publication" }]);
    expect(client.data("news")).toEqual([2]);
  });
});

describe("subscribe", () => {
  test("is confirmed, and publications follow", async () => {
    const world = memoryWorld();
    const client = world.connected();
    client.subscribe("news");
    await world.settle();
    await world.broker.publish(NEWS, '{"a":1}');
    await world.settle();
    expect(client.take()).toEqual([
      { kind: "reply", id: 2, op: "subscribe", body: {} },
      { kind: "push", op: "publication", body: { channel: "news", data: { a: 1 } } },
    ]);
    expect(world.metrics.observed("subscribe_seconds")).toHaveLength(1);
  });

  test("is answered at once on a topic that this worker has, and before the first publication", async () => {
    const world = memoryWorld();
    await world.subscribed("news");
    const client = world.connected();
    client.subscribe("news");
    expect(client.take()).toMatchObject([{ kind: "reply", op: "subscribe" }]);
  });

  test("is answered before the first publication also when publications overtake the broker's answer", async () => {
    const world = scripted();
    const client = world.connected();
    client.subscribe("news");
    world.broker.deliver(NEWS, "0");
    await world.settle();
    expect(client.take()).toEqual([]);
    world.broker.last("subscribe", NEWS).resolve();
    await world.settle();
    world.broker.deliver(NEWS, "1");
    await world.settle();
    expect(client.take()).toMatchObject([{ op: "subscribe" }, { op: "publication", body: { data: 1 } }]);
  });

  test.each([
    ["twice", "news", errors.alreadySubscribed],
    ["to another user's channel", "user:42", errors.forbidden],
  ])("%s is refused", async (_, channel, error) => {
    const world = memoryWorld();
    const client = await world.subscribed("news");
    client.subscribe(channel);
    expect(errorOf(client)).toMatchObject({ name: error.name });
  });

  test("twice is refused also while the first waits for the broker", async () => {
    const world = scripted();
    const client = world.connected();
    client.subscribe("news");
    client.subscribe("news");
    expect(errorOf(client)).toEqual(errors.alreadySubscribed);
    world.broker.last("subscribe", NEWS).resolve();
    await world.settle();
    expect(client.take()).toMatchObject([{ kind: "reply", op: "subscribe" }]);
  });

  test("beyond the limit is refused, and possible again after an unsubscribe", async () => {
    const world = memoryWorld({ maxChannels: 2 });
    const client = await world.subscribed("a", "b");
    client.subscribe("c");
    expect(errorOf(client)).toEqual(errors.limitChannels);
    client.unsubscribe("a");
    client.take();
    client.subscribe("c");
    await world.settle();
    expect(client.take()).toMatchObject([{ kind: "reply", op: "subscribe" }]);
  });

  test.each<[string, Error, unknown]>([
    ["is away", new BrokerUnavailable("away"), errors.unavailable],
    ["fails", new TypeError("a bug"), errors.internal],
  ])("fails when the broker %s, and may be tried again", async (_, failure, error) => {
    const world = scripted();
    const client = world.connected();
    client.subscribe("news");
    world.broker.last("subscribe", NEWS).reject(failure);
    await world.settle();
    expect(errorOf(client)).toEqual(error);
    expect(world.core.subscriptions).toBe(0);
    client.subscribe("news");
    world.broker.last("subscribe", NEWS).resolve();
    await world.settle();
    expect(client.take()).toMatchObject([{ kind: "reply", op: "subscribe" }]);
  });

  test("tells nothing internal to the peer, and logs it", async () => {
    const world = scripted();
    const client = world.connected();
    client.subscribe("news");
    world.broker.last("subscribe", NEWS).reject(new TypeError("secret"));
    await world.settle();
    expect(client.transport.messages.join()).not.toContain("secret");
    expect(world.logger.lines).toContainEqual({
      level: "error",
      fields: expect.objectContaining({ topic: NEWS, err: new TypeError("secret") }),
      message: "could not subscribe",
    });
  });

  test("that was taken back while it waited is answered so, and leaves nothing behind", async () => {
    const world = scripted();
    const client = world.connected();
    client.subscribe("news");
    client.unsubscribe("news");
    expect(client.take()).toMatchObject([{ kind: "reply", id: 3, op: "unsubscribe" }]);
    world.broker.last("subscribe", NEWS).resolve();
    await world.settle();
    expect(client.take()).toMatchObject([{ kind: "error", id: 2, error: { name: "not_subscribed" } }]);
    expect(world.core.topics).toBe(0);
  });

  test("that was taken back and made again while it waited: each gets its own answer", async () => {
    const world = scripted();
    const client = world.connected();
    client.subscribe("news");
    const first = world.broker.last("subscribe", NEWS);
    client.unsubscribe("news");
    client.subscribe("news");
    client.take();
    first.reject(new BrokerUnavailable("away"));
    world.broker.last("subscribe", NEWS).resolve();
    await world.settle();
    expect(client.take()).toMatchObject([
      { kind: "error", id: 2 },
      { kind: "reply", id: 4, op: "subscribe" },
    ]);
    world.broker.deliver(NEWS, "1");
    await world.settle();
    expect(client.data("news")).toEqual([1]);
  });
});

describe("unsubscribe", () => {
  test("ends the publications", async () => {
    const world = memoryWorld();
    const client = await world.subscribed("news");
    await world.broker.publish(NEWS, "1");
    client.unsubscribe("news");
    await world.settle();
    expect(client.take()).toEqual([{ kind: "reply", id: 3, op: "unsubscribe", body: {} }]);
    expect(world.core.topics).toBe(0);
  });

  test("from a channel that it does not have is refused", () => {
    const client = memoryWorld().connected();
    client.unsubscribe("news");
    expect(errorOf(client)).toEqual(errors.notSubscribed);
  });
});

describe("publish", () => {
  test("comes back like any publication", async () => {
    const world = memoryWorld();
    const client = await world.subscribed("open:x");
    client.publish("open:x", { text: "hi\n" });
    await world.settle();
    expect(client.take()).toEqual([
      { kind: "reply", id: 3, op: "publish", body: {} },
      { kind: "push", op: "publication", body: { channel: "open:x", data: { text: "hi\n" } } },
    ]);
    expect(world.metrics.observed("publish_seconds")).toHaveLength(1);
  });

  test.each([["news"], ["closed:x"], ["user:42"]])(
    "to %s is refused where no namespace allows it",
    (channel) => {
      const client = memoryWorld().connected();
      client.publish(channel, 1);
      expect(errorOf(client)).toMatchObject({ name: "forbidden" });
    },
  );

  test("with another client's key is published all the same, and answered like the first to its own client", async () => {
    const world = memoryWorld();
    const listener = await world.subscribed("open:k");
    const [first, second] = [world.connected(), world.connected()];
    const say = (client: typeof first, data: string): number =>
      client.send({ op: "publish", body: { channel: "open:k", data, key: "turn-17" } });
    for (const [client, data] of [
      [first, "one"],
      [second, "two"],
      [first, "one again"],
    ] as const) {
      say(client, data);
      await world.settle();
    }
    expect(listener.data("open:k")).toEqual(["one", "two"]);
    // A backend that takes the client's name for its own key is not told of another publication.
    await world.broker.publish(channelTopic("open:k"), "3", { key: backendKey("turn-17") });
    await world.settle();
    expect(listener.data("open:k")).toEqual(["one", "two", 3]);
  });

  test("of more than the limit is refused", () => {
    const client = memoryWorld({ maxPublicationBytes: 10 }).connected();
    client.publish("open:x", "éééééé");
    expect(errorOf(client)).toEqual(errors.tooBig);
  });

  test.each<[string, Error, unknown, string[]]>([
    ["is away", new BrokerUnavailable("away"), errors.unavailable, []],
    ["fails", new TypeError("a bug"), errors.internal, ["a command failed"]],
  ])("fails when the broker %s", async (_, failure, error, logged) => {
    const world = scripted();
    const client = world.connected();
    client.publish("open:x", 1);
    world.broker.last("publish", channelTopic("open:x")).reject(failure);
    await world.settle();
    expect(errorOf(client)).toEqual(error);
    expect(world.logger.messages("error")).toEqual(logged);
    expect(world.metrics.count("command_errors")).toBe(1);
  });

  test("survives a broker that throws instead of answering", () => {
    const world = scripted();
    const client = world.connected();
    world.broker.failure = new TypeError("a bug");
    client.publish("open:x", 1);
    expect(errorOf(client)).toEqual(errors.internal);
    expect(world.logger.messages("error")).toEqual(["a command failed"]);
  });
});

describe("a connection by URL", () => {
  test("is told its channels in a push, and its commands work as usual", async () => {
    const world = memoryWorld();
    const client = world.client("objects", ["news", "sport"]);
    await world.settle();
    client.unsubscribe("sport");
    await world.broker.publish(NEWS, "1");
    await world.broker.publish(NEWS, "2");
    await world.settle();
    expect(client.transport.takeMessages().map((message) => JSON.parse(message))).toMatchObject([
      { connect: { sid: client.connection.id, subs: { news: {}, sport: {} } } },
      { id: 1, unsubscribe: {} },
      { publication: { channel: "news", data: 1 } },
      { publication: { channel: "news", data: 2 } },
    ]);
  });

  test("may not connect a second time", async () => {
    const world = memoryWorld();
    const client = world.client("objects", []);
    await world.settle();
    client.take();
    client.connect();
    expect(errorOf(client)).toEqual(errors.alreadyConnected);
  });

  test.each<[string, Error, string]>([
    ["is away", new BrokerUnavailable("away"), "unavailable"],
    ["fails", new TypeError("a bug"), "internal"],
  ])("ends when the broker %s", async (_, failure, reason) => {
    const world = scripted();
    const client = world.client("objects", ["news", "sport"]);
    world.broker.last("subscribe", NEWS).resolve();
    world.broker.last("subscribe", SPORT).reject(failure);
    await world.settle();
    expect(goodbye(client)).toBe(reason);
    expect(world.core.topics).toBe(0);
  });

  test("says nothing more when it ended while the broker confirmed", async () => {
    const world = scripted();
    const client = world.client("objects", ["news"]);
    client.gone();
    world.broker.last("subscribe", NEWS).resolve();
    await world.settle();
    expect(client.transport.writes).toEqual([]);
    expect(world.broker.log).toContain("unsubscribe channel:news");
  });

  test("is told at once when the application need not be asked", async () => {
    const world = scripted();
    const first = world.client("objects", ["news"]);
    expect(first.transport.writes).toEqual([]);
    world.broker.last("subscribe", NEWS).resolve();
    await world.settle();
    const second = world.client("objects", ["news"]);
    const third = world.client("objects", []);
    expect([first, second, third].map(({ transport }) => transport.writes.length)).toEqual([1, 1, 1]);
  });
});

describe("a raw connection", () => {
  test("gets the data alone, one to a message, broadcasts included, and nothing else", async () => {
    const world = memoryWorld();
    const client = world.client("raw", ["news"]);
    await world.settle();
    await world.broker.publish(NEWS, '{"a":1}');
    await world.broker.publish(NEWS, "plain text");
    await world.broker.publish(BROADCAST, "3");
    await world.settle();
    expect(client.transport.takeMessages()).toEqual(['{"a":1}', '"plain text"', "3"]);
    tellDrain(client.connection, 1, 2, "test");
    client.connection.disconnect(disconnects.drain);
    expect(client.transport.takeMessages()).toEqual([]);
    expect(client.transport.end).toEqual({ by: "close", code: 3000, reason: "drain" });
  });

  test("may say what it likes: nothing is a command, everything is a sign of life", async () => {
    const world = memoryWorld();
    const client = world.client("raw", ["news"]);
    await world.settle();
    for (const text of ["", "hello", "{}", '{"id":1,"publish":{"channel":"open:x","data":1}}', "[[[["])
      client.connection.receive(text);
    await world.settle();
    expect(client.transport.writes).toEqual([]);
    expect(client.transport.end).toBeUndefined();
    for (let i = 0; i < 20; i++) {
      world.clock.advance(10_000);
      client.connection.receive("still here");
    }
    expect(client.transport.end).toBeUndefined();
    expect(world.metrics.count("keepalive_pings")).toBe(0);
  });
});

describe("a message that is not of the protocol", () => {
  test.each(["", "nonsense", "[]", "1", '{"connect":{}}', '{"id":0,"connect":{}}', "[".repeat(100)])(
    "ends the connection for good: %j",
    (text) => {
      const world = memoryWorld();
      const client = world.connected();
      client.connection.receive(text);
      expect(goodbye(client)).toBe("bad_frame");
      expect(world.metrics.count("malformed_frames")).toBe(1);
      client.connection.receive(text);
      expect(world.metrics.count("malformed_frames")).toBe(1);
    },
  );

  test.each([
    ['{"id":5,"fly":{}}', errors.unknownCommand],
    ['{"id":5,"subscribe":{},"publish":{}}', errors.unknownCommand],
    ['{"id":5,"subscribe":{}}', errors.badRequest],
    ['{"id":5,"subscribe":{"channel":"a b"}}', errors.badChannel],
  ])("but has an id is answered, and the connection stays: %s", (text, error) => {
    const client = memoryWorld().connected();
    client.connection.receive(text);
    expect(client.take()).toMatchObject([{ kind: "error", id: 5, error: { name: error.name } }]);
    expect(client.transport.end).toBeUndefined();
  });

  test("stops the commands behind it, not those before it", () => {
    const world = memoryWorld();
    const client = world.connected();
    client.connection.receive('{"id":2,"unsubscribe":{"channel":"a"}}\nnonsense\n{"id":3,"connect":{}}');
    expect(client.take()).toMatchObject([{ kind: "error", id: 2 }, { op: "disconnect" }]);
  });
});

describe("the command rate", () => {
  test("refuses commands beyond the burst, and ends the connection that goes on", () => {
    const world = memoryWorld({ commandRate: 5 });
    const client = world.connected();
    for (let i = 0; i < 9; i++) client.unsubscribe("a");
    expect(client.take()).toMatchObject(
      Array.from({ length: 9 }, () => ({ error: { name: "not_subscribed" } })),
    );
    client.unsubscribe("a");
    expect(errorOf(client)).toEqual(errors.limitRate);
    for (let i = 0; i < 20; i++) client.unsubscribe("a");
    expect(goodbye(client)).toBe("limit_rate");
    expect(world.metrics.count("rate_limited")).toBe(10);
  });

  test("of a namespace makes commands on its channels dearer, and others no more so", () => {
    const world = memoryWorld({ commandRate: 10, namespaces: { dear: { commandRate: 1 } } });
    const client = world.connected();
    // The connect cost one of twenty.
    client.unsubscribe("dear:1");
    expect(errorOf(client)).toEqual(errors.notSubscribed);
    client.unsubscribe("dear:1");
    expect(errorOf(client)).toEqual(errors.limitRate);
    client.unsubscribe("cheap:1");
    expect(errorOf(client)).toEqual(errors.notSubscribed);
  });

  test("is charged for many bytes, for what is no command, and for messages of a raw client, too", () => {
    const large = memoryWorld({ commandRate: 1 }).connected();
    large.connection.receive(`{"id":1,"send":{"data":"${"x".repeat(8_192 * 45)}"}}`);
    expect(goodbye(large)).toBe("limit_rate");

    const world = memoryWorld({ commandRate: 3 });
    const client = world.connected();
    // The connect cost one of six: five are left, and six more until the end.
    for (let i = 0; i < 109; i++) expect(client.connection.spend(1)).toBe(true);
    expect(client.connection.spend(1)).toBe(false);
    expect(goodbye(client)).toBe("limit_rate");
    expect(client.connection.spend(1)).toBe(false);
    expect(world.metrics.count("rate_limited")).toBe(1);

    const raw = memoryWorld({ commandRate: 2 }).client("raw");
    for (let i = 0; i < 8; i++) raw.connection.receive("anything");
    expect(raw.transport.end).toMatchObject({ by: "close", code: 3007 });
  });

  test("counts each frame of a message", () => {
    const client = memoryWorld({ commandRate: 1 }).connected();
    client.connection.receive(Array.from({ length: 10 }, () => "{}").join("\n"));
    expect(goodbye(client)).toBe("limit_rate");
  });
});

describe("a slow consumer", () => {
  test("is ended with the code `slow` when it is over the limit, and leaves its topics", async () => {
    const world = memoryWorld({ maxOutboxBytes: 1000 });
    const client = await world.subscribed("news");
    const other = await world.subscribed("news");
    client.transport.bufferedBytes = 1001;
    await world.broker.publish(NEWS, "1");
    await world.settle();
    expect(goodbye(client)).toBe("slow");
    expect(other.data("news")).toEqual([1]);
    expect(world.metrics.count("slow_consumers")).toBe(1);
    expect(world.metrics.count("deliveries")).toBe(1);
    expect(world.core.subscriptions).toBe(1);
    expect(world.core.connections).toBe(1);
  });

  test("is also one that does not read the answers to its commands, or our pings", () => {
    const world = memoryWorld();
    const [asks, silent] = [world.connected(), world.connected()];
    asks.transport.bufferedBytes = silent.transport.bufferedBytes = 2 ** 30;
    asks.connection.receive("{}");
    expect(goodbye(asks)).toBe("slow");
    world.clock.advance(40_000);
    expect(goodbye(silent)).toBe("slow");
  });

  test("is not one that gets a single batch larger than the limit, with nothing waiting", async () => {
    const world = memoryWorld({ maxOutboxBytes: 1000 });
    const client = await world.subscribed("news");
    client.transport.onWrite = () => {
      client.transport.bufferedBytes = client.transport.writes.at(-1)?.length ?? 0;
    };
    await world.broker.publish(NEWS, JSON.stringify("x".repeat(100_000)));
    await world.settle();
    expect(client.transport.end).toBeUndefined();
    expect(client.data("news")).toHaveLength(1);
    await world.broker.publish(NEWS, "2");
    await world.settle();
    expect(goodbye(client)).toBe("slow");
  });
});

describe("a connection that is closing or closed", () => {
  test("takes no command, answers none and is in no topic", async () => {
    const world = scripted();
    const client = world.connected();
    client.subscribe("news");
    client.publish("open:x", 1);
    const published = world.broker.last("publish", channelTopic("open:x"));
    client.publish("open:x", 2);
    client.connection.disconnect(disconnects.expired);
    client.take();
    world.broker.last("subscribe", NEWS).resolve();
    world.broker.last("publish", channelTopic("open:x")).reject(new TypeError("late"));
    client.subscribe("sport");
    client.connection.receive("nonsense");
    client.connection.refuse(disconnects.tooBig);
    tellDrain(client.connection, 1, 2, "x");
    published.resolve();
    await world.settle();
    expect(client.take()).toEqual([]);
    expect(world.core.topics).toBe(0);
    expect(world.broker.log).not.toContain("subscribe channel:sport");
    client.gone();
    client.connection.receive('{"id":9,"connect":{}}');
    client.connection.disconnect(disconnects.slow);
    expect(client.take()).toEqual([]);
  });

  test("is disconnected once: the first reason counts", () => {
    const client = memoryWorld().connected();
    client.connection.disconnect(disconnects.rebalance, "Because.");
    client.connection.disconnect(disconnects.slow);
    expect(client.take()).toMatchObject([{ op: "disconnect", body: { code: 3001, reason: "Because." } }]);
    expect(client.transport.end).toMatchObject({ code: 3001, reason: "rebalance" });
  });

  test("may end from within its own goodbye", () => {
    const world = memoryWorld();
    const client = world.connected();
    client.transport.onWrite = () => client.gone();
    client.connection.disconnect(disconnects.internal);
    client.gone();
    expect(world.core.connections).toBe(0);
    expect(world.metrics.count("connections_closed")).toBe(1);
  });

  test("leaves all topics when its transport ends by itself", async () => {
    const world = memoryWorld();
    const client = await world.subscribed("a", "b", "c");
    client.gone();
    expect(world.core.topics).toBe(0);
    expect(world.core.connections).toBe(0);
  });
});

describe("a transport that throws", () => {
  test("ends alone: the fan-out it broke reaches all others, and the next one too", async () => {
    const world = memoryWorld();
    const clients = [];
    for (let i = 0; i < 3; i++) clients.push(await world.subscribed("news"));
    clients[1]!.transport.failure = new Error("a transport must not throw");
    await world.broker.publish(NEWS, "1");
    await world.settle();
    await world.broker.publish(NEWS, "2");
    await world.settle();
    expect(clients.map((client) => client.data("news"))).toEqual([[1, 2], [], [1, 2]]);
    expect(clients[1]!.transport.end).toEqual({ by: "terminate" });
    expect(world.logger.messages("error")).toEqual(["a transport failed"]);
    expect(world.core.connections).toBe(2);
    expect(world.core.subscriptions).toBe(2);
    clients[1]!.gone();
    expect(world.metrics.count("connections_closed")).toBe(1);
  });

  test("does not stop the ticks, nor the code that disconnects it", () => {
    const world = memoryWorld();
    const [broken, silent] = [world.connected(), world.connected()];
    broken.transport.failure = new Error("a transport must not throw");
    world.clock.advance(60_000);
    expect(broken.transport.end).toEqual({ by: "terminate" });
    expect(goodbye(silent)).toBe("no_pong");
  });
});

describe("the dispatch of commands", () => {
  test("gives each command of a message its answer, in whatever order the broker answers", async () => {
    const world = scripted();
    const client = world.client();
    client.connection.receive(
      '{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"news"}}\n{"id":3,"subscribe":{"channel":"sport"}}',
    );
    world.broker.last("subscribe", SPORT).resolve();
    await world.settle();
    world.broker.last("subscribe", NEWS).resolve();
    await world.settle();
    expect(client.take().map((frame) => ("id" in frame ? frame.id : undefined))).toEqual([1, 3, 2]);
  });

  test("counts commands and errors", () => {
    const world = memoryWorld();
    const client = world.connected();
    client.unsubscribe("a");
    expect(world.metrics.count("commands")).toBe(2);
    expect(world.metrics.count("command_errors")).toBe(1);
  });
});

test("whatever text arrives, in whatever state, a connection does not throw and leaves nothing behind", async () => {
  const frame = fc.oneof(
    fc.string(),
    fc.json(),
    fc.constantFrom(
      "{}",
      '{"id":1,"connect":{}}',
      '{"id":2,"connect":{"subs":{"news":null,"":null,"__proto__":null}}}',
      '{"id":3,"subscribe":{"channel":"news"}}',
      '{"id":4,"unsubscribe":{"channel":"news"}}',
      '{"id":5,"publish":{"channel":"open:x","data":[]}}',
    ),
  );
  const message = fc.oneof(
    frame,
    fc.array(frame, { maxLength: 5 }).map((frames) => frames.join("\n")),
  );
  const encoding = fc.constantFrom<CodecName>("lines", "objects", "raw");
  await fc.assert(
    fc.asyncProperty(
      encoding,
      fc.boolean(),
      fc.array(message, { maxLength: 20 }),
      async (how, byUrl, all) => {
        const world = memoryWorld();
        const client = world.client(how, byUrl ? ["news"] : undefined);
        const thrown = jest.fn();
        for (const text of all) {
          try {
            client.connection.receive(text);
          } catch (error) {
            thrown(error);
          }
        }
        await world.settle();
        expect(thrown).not.toHaveBeenCalled();
        expect(world.logger.messages("error")).toEqual([]);
        client.gone();
        expect([world.core.connections, world.core.subscriptions, world.core.topics]).toEqual([0, 0, 0]);
      },
    ),
  );
});

describe("a reader of the broker's secret", () => {
  test("cannot sign a resume token, nor a ticket, where the gateway has a secret of its own", async () => {
    const shared = new MemoryBus().secret;
    const own = "a secret that never leaves the settings";
    const world = new CoreWorld(
      new MemoryBroker(),
      { access: "private", anonymous: true },
      { slot: 0, generation: 0 },
      { secret: own, sharedSecret: async () => shared },
    );
    await world.settle();
    const sid = `${"A".repeat(4)}fedcba9876543210`;
    const forge = (key: string): string => {
      const forger = new ResumeTokens(() => world.clock.now());
      forger.use(key);
      return forger.issue(sid, { user: "victim" }, 1) ?? "";
    };
    for (const key of [shared, clusterKeys(shared, undefined).resume]) {
      const client = world.client();
      client.send({ op: "connect", body: { resume: { sid, token: forge(key) } } });
      await world.settle();
      const [reply] = client.take();
      expect(reply).toMatchObject({ op: "connect", body: { resumed: false } });
      expect(reply).not.toHaveProperty("body.user");
    }
    for (const key of [shared, clusterKeys(shared, undefined).tickets])
      expect(await world.core.redeem(sid + forge(key))).toHaveProperty("error");
  });
});
