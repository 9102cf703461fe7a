/**
 * Coming back: sessions that go on, on the same worker and on another, as their clients see it.
 */
import type { DecodedFrame, Position } from "@holdfast/protocol";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { MemoryBroker, MemoryBus } from "./broker/broker-memory.js";
import { channelTopic } from "./broker/topic.js";
import { CoreWorld, type FakeClient } from "./testing/core-world.js";

const OPTIONS = { historySize: 100, resumeWindowMs: 30_000 };
const RETENTION = { size: 100, ttlMs: 300_000 };
const NEWS = channelTopic("news");

/** Counts the reads of logs. */
class CountingBroker extends MemoryBroker {
  reads = 0;

  override read(...query: Parameters<MemoryBroker["read"]>): ReturnType<MemoryBroker["read"]> {
    this.reads++;
    return super.read(...query);
  }
}

interface Welcome {
  readonly sid: string;
  readonly resumeToken: string;
  readonly resumed: boolean;
  readonly subs?: Record<
    string,
    Partial<Position> & { recovered?: boolean; publications?: { data: unknown }[] }
  >;
}

let bus: MemoryBus;
let a: CoreWorld<CountingBroker>;
let b: CoreWorld<CountingBroker>;

beforeEach(async () => {
  bus = new MemoryBus();
  a = new CoreWorld(new CountingBroker(bus), OPTIONS);
  b = new CoreWorld(new CountingBroker(bus), OPTIONS, { slot: 1, generation: 7 });
  await settle();
});

async function settle(): Promise<void> {
  await a.settle();
  await b.settle();
}

function publish(...data: string[]): void {
  for (const each of data) bus.publish(NEWS, each, { retention: RETENTION });
}

async function connect(
  world: CoreWorld<CountingBroker>,
  body: { resume?: { sid: string; token: string }; subs?: Record<string, Position | null> },
): Promise<{ client: FakeClient; welcome: Welcome }> {
  const client = world.client();
  client.send({ op: "connect", body });
  await settle();
  const reply = client.take().find((frame) => frame.kind === "reply") as DecodedFrame & { kind: "reply" };
  return { client, welcome: reply.body as unknown as Welcome };
}

function resumeOf({ sid, resumeToken }: Welcome): { sid: string; token: string } {
  return { sid, token: resumeToken };
}

function positionOf({ subs }: Welcome): Position {
  const { offset = 0, epoch = "" } = subs?.news ?? {};
  return { offset, epoch };
}

describe("a session that comes back", () => {
  test("to its worker keeps its id and costs no read of the log", async () => {
    const first = await connect(a, { subs: { news: null } });
    publish("1");
    await settle();
    first.client.gone();
    publish("2", "3");
    await settle();
    const reads = a.broker.reads;
    const { welcome } = await connect(a, {
      resume: resumeOf(first.welcome),
      subs: { news: { ...positionOf(first.welcome), offset: 1 } },
    });
    expect(welcome.resumed).toBe(true);
    expect(welcome.sid).toBe(first.welcome.sid);
    expect(welcome.subs?.news).toMatchObject({ recovered: true, offset: 3 });
    expect(welcome.subs?.news?.publications?.map(({ data }) => data)).toEqual([2, 3]);
    expect(a.broker.reads).toBe(reads);
    expect(a.core.detached).toBe(0);
  });

  test("to another worker keeps its key under the new worker's address, and recovers from the log", async () => {
    const first = await connect(a, { subs: { news: null } });
    first.client.gone();
    publish("1", "2");
    await settle();
    const { welcome } = await connect(b, {
      resume: resumeOf(first.welcome),
      subs: { news: positionOf(first.welcome) },
    });
    expect(welcome.resumed).toBe(true);
    expect(welcome.sid.slice(4)).toBe(first.welcome.sid.slice(4));
    expect(welcome.sid).not.toBe(first.welcome.sid);
    expect(welcome.subs?.news?.publications?.map(({ data }) => data)).toEqual([1, 2]);
  });

  test("without its token is a new one: the id alone proves nothing", async () => {
    const first = await connect(a, { subs: { news: null } });
    const { welcome } = await connect(a, { resume: { sid: first.welcome.sid, token: "x.y" } });
    expect(welcome.resumed).toBe(false);
    expect(welcome.sid).not.toBe(first.welcome.sid);
    const stolen = await connect(a, { resume: { sid: first.welcome.sid, token: welcome.resumeToken } });
    expect(stolen.welcome.resumed).toBe(false);
  });
});

describe("a detached session", () => {
  test("holds its channels for the resume window, and not longer", async () => {
    const { client } = await connect(a, { subs: { news: null } });
    client.gone();
    await a.pass(29_000);
    expect([a.core.detached, a.core.topics]).toEqual([1, 1]);
    expect(a.core.isQuiet).toBe(false);
    await a.pass(2_000);
    expect([a.core.detached, a.core.topics]).toEqual([0, 0]);
  });

  test("is not made of one that was sent away for good, of a plain client's, or of one without history", async () => {
    const { client } = await connect(a, { subs: { news: null } });
    client.connection.receive("not a frame");
    const plain = a.client("objects", ["news"]);
    await settle();
    plain.gone();
    const without = new CoreWorld(new CountingBroker(bus), { historySize: 0 });
    const other = without.client();
    other.connect({ news: null });
    await without.settle();
    other.gone();
    expect([a.core.detached, without.core.detached]).toEqual([0, 0]);
    expect([a.core.topics, without.core.topics]).toEqual([0, 0]);
  });

  test("ends early, oldest first, when there are too many", async () => {
    const world = new CoreWorld(new CountingBroker(bus), { ...OPTIONS, maxDetached: 2 });
    await world.settle();
    for (let i = 0; i < 3; i++) {
      const { client } = await connect(world, { subs: { [`room:${i}`]: null } });
      await world.settle();
      client.gone();
    }
    expect(world.core.detached).toBe(2);
    expect(world.core.topics).toBe(2);
    expect(world.metrics.count("detached_evicted")).toBe(1);
  });
});

describe("an answer that would be too large", () => {
  test("holds what it can, and says of the other channels that it was too much", async () => {
    const world = new CoreWorld(new CountingBroker(bus), { ...OPTIONS, maxOutboxBytes: 64 * 1024 * 1024 });
    await world.settle();
    const large = JSON.stringify("x".repeat(900 * 1024));
    const channels = Array.from({ length: 11 }, (_, i) => `room:${i}`);
    const first = await connect(world, { subs: Object.fromEntries(channels.map((each) => [each, null])) });
    await world.settle();
    first.client.gone();
    for (const each of channels) bus.publish(channelTopic(each), large, { retention: RETENTION });
    await world.settle();
    const client = world.client();
    const subs = Object.fromEntries(
      channels.map((each) => [each, { offset: 0, epoch: first.welcome.subs?.[each]?.epoch ?? "" }]),
    );
    client.send({ op: "connect", body: { subs } });
    await world.settle();
    const reply = client.take().find((frame) => frame.kind === "reply");
    const { subs: outcomes } = (reply as unknown as { body: Welcome }).body;
    const recovered = channels.map((each) => outcomes?.[each]?.publications?.length ?? 0);
    expect(recovered).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
    expect(outcomes?.["room:10"]).toMatchObject({ offset: 1, recovered: false, reason: "too_many" });
  });
});
