/**
 * Slow consumers under each policy, as their clients, their neighbours and the operator see it.
 */
import { disconnects, type PublicationPush } from "@holdfast/protocol";
import { describe, expect, test } from "@jest/globals";
import { channelTopic } from "../broker/topic.js";
import { type CoreWorld, type FakeClient, memoryWorld } from "../testing/core-world.js";

const MAX_BYTES = 1000;
const RETENTION = { size: 100, ttlMs: 300_000 };
const OPTIONS = {
  maxOutboxBytes: MAX_BYTES,
  namespaces: {
    "": {},
    drop: { slowConsumer: "drop" },
    latest: { slowConsumer: "latest" },
    log: { slowConsumer: "drop", historySize: 100 },
    state: { slowConsumer: "latest", historySize: 100 },
    keyed: { slowConsumer: "latest", conflateKey: "id" },
  },
} as const;

async function publish(world: CoreWorld, channel: string, ...data: unknown[]): Promise<void> {
  const options = /^(log|state):/.test(channel) ? { retention: RETENTION } : {};
  for (const each of data) await world.broker.publish(channelTopic(channel), JSON.stringify(each), options);
  await world.settle();
}

/** The pushes since the last look: the data of publications, the bodies of gaps, the names of others. */
function heard(client: FakeClient): unknown[] {
  return client.take().flatMap((frame) => {
    if (frame.kind !== "push") return [frame.kind];
    if (frame.op === "publication") return [(frame.body as unknown as PublicationPush).data];
    return [frame.op === "gap" ? frame.body : frame.op];
  });
}

function stall(...clients: FakeClient[]): void {
  for (const { transport } of clients) transport.bufferedBytes = MAX_BYTES + 1;
}

/** Whatever is written from now on waits. */
function queue(...clients: FakeClient[]): void {
  for (const { transport } of clients)
    transport.onWrite = () => {
      transport.bufferedBytes += transport.writes.at(-1)?.length ?? 0;
    };
}

/** Room again, and a tick. */
async function recover(world: CoreWorld, ...clients: FakeClient[]): Promise<void> {
  for (const { transport } of clients) transport.bufferedBytes = 0;
  await world.pass(100);
}

describe("policy disconnect", () => {
  test("is what holds where nothing is said: the connection ends with `slow`, others hear on", async () => {
    const world = memoryWorld(OPTIONS);
    const [slow, other] = [await world.subscribed("news"), await world.subscribed("news")];
    stall(slow);
    await publish(world, "news", 1, 2);
    expect(slow.transport.end).toMatchObject({ code: disconnects.slow.code });
    expect(heard(other)).toEqual([1, 2]);
    expect(world.metrics.count("slow_consumers")).toBe(1);
    expect(world.metrics.count("publications_skipped")).toBe(0);
  });

  test("holds for a connection's channel also where another of its channels has another policy", async () => {
    const world = memoryWorld(OPTIONS);
    const slow = await world.subscribed("drop:a", "news");
    stall(slow);
    await publish(world, "drop:a", 1);
    expect(slow.transport.end).toBeUndefined();
    await publish(world, "news", 1);
    expect(slow.transport.end).toBeDefined();
    expect(world.core.subscriptionsBehind).toBe(0);
  });

  test("ends who lets too many frames wait, or one for too long", async () => {
    const world = memoryWorld({ maxOutboxMessages: 10, maxOutboxAgeMs: 2000 });
    const [many, old] = [await world.subscribed("a"), await world.subscribed("b")];
    queue(many, old);
    for (let i = 0; i < 12; i++) await publish(world, "a", i);
    expect(many.transport.end).toMatchObject({ reason: "slow" });
    await publish(world, "b", 1);
    await world.pass(1900);
    await publish(world, "b", 2);
    expect(old.transport.end).toBeUndefined();
    await world.pass(500);
    await publish(world, "b", 3);
    expect(old.transport.end).toMatchObject({ reason: "slow" });
  });
});

describe("policy drop", () => {
  test("skips, and tells the gap before what follows", async () => {
    const world = memoryWorld(OPTIONS);
    const [slow, other] = [await world.subscribed("log:a"), await world.subscribed("log:a")];
    await publish(world, "log:a", "one");
    stall(slow);
    await publish(world, "log:a", "two");
    await publish(world, "log:a", "three");
    expect(heard(slow)).toEqual(["one"]);
    slow.transport.bufferedBytes = 0;
    await publish(world, "log:a", "four");
    expect(heard(slow)).toEqual([
      expect.objectContaining({ channel: "log:a", from: 2, to: 3, reason: "slow" }),
      "four",
    ]);
    expect(heard(other)).toEqual(["one", "two", "three", "four"]);
    expect(world.metrics.count("publications_skipped")).toBe(2);
    expect(world.metrics.count("slow_consumers")).toBe(0);
  });

  test("tells the gap also when nothing follows, and without offsets where there is no history", async () => {
    const world = memoryWorld(OPTIONS);
    const slow = await world.subscribed("drop:a");
    stall(slow);
    await publish(world, "drop:a", 1);
    expect(world.core.subscriptionsBehind).toBe(1);
    await recover(world, slow);
    expect(heard(slow)).toEqual([{ channel: "drop:a", reason: "slow" }]);
    expect(world.core.subscriptionsBehind).toBe(0);
  });

  test("waits until the outbox is half empty: a slow reader gets few gaps", async () => {
    const world = memoryWorld(OPTIONS);
    const slow = await world.subscribed("drop:a");
    stall(slow);
    await publish(world, "drop:a", 1);
    slow.transport.bufferedBytes = MAX_BYTES * 0.6;
    await world.pass(100);
    await publish(world, "drop:a", 2);
    expect(heard(slow)).toEqual([]);
    slow.transport.bufferedBytes = MAX_BYTES * 0.5;
    await world.pass(100);
    expect(heard(slow)).toHaveLength(1);
  });

  test("a raw client only misses what was skipped", async () => {
    const world = memoryWorld(OPTIONS);
    const slow = world.client("raw", ["drop:a"]);
    await world.settle();
    stall(slow);
    await publish(world, "drop:a", 1);
    await recover(world, slow);
    await publish(world, "drop:a", 2);
    expect(slow.transport.takeMessages()).toEqual(["2"]);
  });
});

describe("policy latest", () => {
  test("tells the gap and the newest when there is room", async () => {
    const world = memoryWorld(OPTIONS);
    const slow = await world.subscribed("state:a");
    stall(slow);
    await publish(world, "state:a", "one", "two");
    await publish(world, "state:a", "three");
    await recover(world, slow);
    expect(heard(slow)).toEqual([expect.objectContaining({ from: 1, to: 2 }), "three"]);
    await publish(world, "state:a", "four");
    expect(heard(slow)).toEqual(["four"]);
  });

  test("keeps the newest of each key, for raw clients too", async () => {
    const world = memoryWorld(OPTIONS);
    const [slow, raw] = [await world.subscribed("keyed:a"), world.client("raw", ["keyed:a"])];
    await world.settle();
    stall(slow, raw);
    const [a1, b1, a2] = [
      { id: "a", n: 1 },
      { id: "b", n: 1 },
      { id: "a", n: 2 },
    ];
    await publish(world, "keyed:a", a1, b1, a2);
    await recover(world, slow, raw);
    expect(heard(slow)).toEqual([{ channel: "keyed:a", reason: "slow" }, b1, a2]);
    expect(raw.transport.takeMessages().map((text) => JSON.parse(text))).toEqual([b1, a2]);
  });

  test("sends who catches up in the middle nothing twice", async () => {
    const world = memoryWorld(OPTIONS);
    const [first, second] = [await world.subscribed("state:a"), await world.subscribed("state:a")];
    stall(first, second);
    await publish(world, "state:a", 1);
    // `first` skips the next batch and puts it among the newest; `second` has room when its turn comes.
    second.transport.bufferedBytes = 0;
    await publish(world, "state:a", 2);
    expect(heard(second)).toEqual([expect.objectContaining({ from: 1, to: 1 }), 2]);
    await recover(world, first);
    expect(heard(first)).toEqual([expect.objectContaining({ from: 1, to: 1 }), 2]);
  });
});

describe("a connection that is behind", () => {
  test("still gets answers and pings, up to twice the limit", async () => {
    const world = memoryWorld(OPTIONS);
    const slow = await world.subscribed("drop:a");
    stall(slow);
    await publish(world, "drop:a", 1);
    slow.subscribe("drop:a");
    expect(slow.take()).toMatchObject([{ error: { name: "already_subscribed" } }]);
    slow.transport.bufferedBytes = 2 * MAX_BYTES + 1;
    slow.subscribe("drop:a");
    expect(slow.transport.end).toMatchObject({ reason: "slow" });
  });

  test("is not taken for dead while it reads, and is when it does not", async () => {
    const world = memoryWorld({ ...OPTIONS, pingIntervalMs: 1000, pongTimeoutMs: 500, maxOutboxBytes: 1e6 });
    const [reads, stuck] = [await world.subscribed("drop:a"), await world.subscribed("drop:a")];
    queue(reads, stuck);
    await publish(world, "drop:a", "x".repeat(100_000));
    for (let i = 0; i < 50; i++) {
      reads.transport.bufferedBytes -= 100;
      await world.pass(100);
    }
    expect(stuck.transport.end).toMatchObject({ reason: "no_pong" });
    expect(reads.transport.end).toBeUndefined();
  });

  test("is forgotten when it unsubscribes or ends", async () => {
    const world = memoryWorld(OPTIONS);
    const [leaves, ends] = [await world.subscribed("latest:a"), await world.subscribed("latest:a")];
    stall(leaves, ends);
    await publish(world, "latest:a", 1);
    expect(world.core.subscriptionsBehind).toBe(2);
    leaves.unsubscribe("latest:a");
    ends.gone();
    expect(world.core.subscriptionsBehind).toBe(0);
    await recover(world, leaves);
    expect(heard(leaves)).toEqual(["reply"]);
  });

  test("ends alone when its transport fails while it catches up", async () => {
    const world = memoryWorld(OPTIONS);
    const [fails, other] = [await world.subscribed("drop:a"), await world.subscribed("drop:a")];
    stall(fails);
    await publish(world, "drop:a", 1);
    fails.transport.bufferedBytes = 0;
    fails.transport.failure = new Error("gone");
    await publish(world, "drop:a", 2);
    expect(fails.transport.end).toEqual({ by: "terminate" });
    expect(heard(other)).toEqual([1, 2]);
    expect(world.core.subscriptionsBehind).toBe(0);
  });
});

describe("operators", () => {
  test("see who is slow: the fullest first", async () => {
    const world = memoryWorld(OPTIONS);
    const [full, some, fine] = [
      await world.subscribed("drop:a"),
      await world.subscribed("drop:a"),
      await world.subscribed("drop:a"),
    ];
    stall(full);
    some.transport.bufferedBytes = 10;
    await publish(world, "drop:a", 1, 2);
    expect(world.core.inspector.slowest(10)).toEqual([
      {
        id: full.connection.id,
        user: undefined,
        bytes: MAX_BYTES + 1,
        messages: 0,
        ageMs: 0,
        fill: 1.001,
        skipped: 2,
        behind: ["drop:a"],
      },
      expect.objectContaining({ id: some.connection.id, bytes: 10, messages: 2, skipped: 0, behind: [] }),
    ]);
    expect(world.core.inspector.slowest(1)).toHaveLength(1);
    expect(fine.transport.end).toBeUndefined();
  });

  test("get one log line a second for all of them", async () => {
    const world = memoryWorld(OPTIONS);
    const clients: FakeClient[] = [];
    for (let i = 0; i < 20; i++) clients.push(await world.subscribed(i < 10 ? "news" : "drop:a"));
    stall(...clients);
    await publish(world, "news", 1);
    await publish(world, "drop:a", 1);
    await world.pass(1000);
    await world.pass(5000);
    const lines = world.logger.lines.filter(({ message }) => message === "slow consumers");
    expect(lines).toHaveLength(2);
    expect(lines[0]?.fields).toMatchObject({ disconnected: 1, topic: "channel:news", bytes: MAX_BYTES + 1 });
    expect(lines[1]?.fields).toMatchObject({ disconnected: 9, fellBehind: 10, behind: 10 });
  });
});
