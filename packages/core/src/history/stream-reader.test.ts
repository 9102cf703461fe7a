/**
 * Streams as their listeners see them, with every answer of the broker in the test's hand.
 */
import type { DecodedFrame, Position } from "@holdfast/protocol";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { BrokerUnavailable, type LogPage, type LogQuery } from "../broker/broker.js";
import { MemoryBroker, MemoryBus } from "../broker/broker-memory.js";
import { channelTopic } from "../broker/topic.js";
import { Cork } from "../delivery/cork.js";
import { FanOut } from "../delivery/fan-out.js";
import { TopicState } from "../hub/topic-state.js";
import { DISCONNECT } from "../namespace.js";
import type { CoreOptions } from "../options.js";
import { Incidents } from "../runtime/incidents.js";
import { Ticker } from "../runtime/ticker.js";
import { CoreWorld, type FakeClient } from "../testing/core-world.js";
import { FakeClock } from "../testing/fake-clock.js";
import { RecordingLogger } from "../testing/recording-logger.js";
import { RecordingMetrics } from "../testing/recording-metrics.js";
import { type BrokerCall, ScriptedBroker } from "../testing/scripted-broker.js";
import { StreamReader } from "./stream-reader.js";

const NEWS = channelTopic("news");
const at = (offset: number, epoch = "a"): Position => ({ offset, epoch });

let broker: ScriptedBroker;
let world: CoreWorld<ScriptedBroker>;

function start(options: Partial<CoreOptions> = {}): void {
  broker = new ScriptedBroker();
  world = new CoreWorld(broker, { historySize: 100, positionCheckMs: 1000, ...options });
  broker.become("ready");
}

beforeEach(() => start());

/** The entries of a log that `query` asks for. */
function pageOf(query: LogQuery | undefined, top: Position, more: Partial<LogPage> = {}): LogPage {
  const { oldest = 1, lineage = [] } = more;
  const entries = [];
  const { limit = 0, reverse = false } = query ?? {};
  if (reverse) {
    const from = Math.min(top.offset, query?.from ?? top.offset);
    for (let offset = from; offset >= oldest && entries.length < limit; offset--)
      entries.push({ offset, data: `"${offset}"` });
    return { entries, top, oldest, lineage };
  }
  const from = Math.max(oldest, query?.from ?? 1);
  for (let offset = from; offset <= top.offset && entries.length < limit; offset++)
    entries.push({ offset, data: `"${offset}"` });
  return { entries, top, oldest, lineage };
}

const reads = (): BrokerCall[] => broker.calls.filter(({ op, topic }) => op === "read" && topic === NEWS);

/** Answers the last read. */
async function answer(top: Position, more: Partial<LogPage> = {}): Promise<void> {
  const call = broker.last("read", NEWS);
  call.resolve(pageOf(call.query, top, more));
  await world.settle();
}

async function publish(...offsets: number[]): Promise<void> {
  for (const offset of offsets) broker.deliver(NEWS, `"${offset}"`, at(offset));
  await world.settle();
}

/** A client that listens to news, whose log stands at `offset`. */
async function listener(offset = 3): Promise<FakeClient> {
  const client = world.connected();
  client.subscribe("news");
  broker.last("subscribe", NEWS).resolve();
  await world.settle();
  await answer(at(offset));
  client.take();
  return client;
}

/** What a client is told, in short: `publication 4`, `gap 4-6`, and replies as they are. */
function told(client: FakeClient): unknown[] {
  return client.take().map((frame: DecodedFrame) => {
    if (frame.kind === "error") return frame.error.name;
    if (frame.kind === "ping" || frame.kind === "malformed") return frame.kind;
    const body = frame.body as {
      offset?: number;
      epoch?: string;
      from?: number;
      to?: number;
      reason?: string;
    };
    if (frame.kind === "reply") return body;
    const epoch = body.epoch === undefined ? "" : ` ${body.epoch}`;
    if (frame.op === "gap") return `gap ${body.from}-${body.to}${epoch} ${body.reason}`;
    return `${frame.op} ${body.offset}${epoch}`;
  });
}

function comeBack(since: Position): FakeClient {
  const client = world.connected();
  client.send({ op: "subscribe", body: { channel: "news", since } });
  return client;
}

describe("a stream", () => {
  test("delivers what follows, with its place", async () => {
    const client = await listener();
    await publish(4, 5);
    expect(told(client)).toEqual(["publication 4", "publication 5"]);
  });

  test("reads what pub/sub has lost before it goes on", async () => {
    const client = await listener();
    await publish(6);
    expect(told(client)).toEqual([]);
    await publish(7);
    await answer(at(6));
    expect(told(client)).toEqual(["publication 4", "publication 5", "publication 6", "publication 7"]);
    expect(world.metrics.count("stream_holes")).toBe(1);
  });

  test("that cannot go on from its beginning is read at once, not with the next check", async () => {
    const client = world.connected();
    client.subscribe("news");
    broker.last("subscribe", NEWS).resolve();
    await world.settle();
    await publish(6);
    await answer(at(3));
    expect(reads()).toHaveLength(2);
    await answer(at(6));
    expect(told(client)).toEqual([at(3), "publication 4", "publication 5", "publication 6"]);
  });

  test("is compared with the log when it has been quiet, and heals", async () => {
    const client = await listener();
    await world.pass(2500);
    expect(reads()).toHaveLength(2);
    await answer(at(4));
    expect(told(client)).toEqual(["publication 4"]);
    expect(world.metrics.count("position_checks")).toBe(1);
  });

  test("takes no harm from an answer that is older than what came meanwhile", async () => {
    const client = await listener();
    await world.pass(2500);
    await publish(4);
    await answer(at(3));
    await publish(5);
    expect(told(client)).toEqual(["publication 4", "publication 5"]);
  });

  test("says what can no longer be had, and goes on", async () => {
    const client = await listener();
    await publish(9);
    await answer(at(9), { oldest: 8 });
    expect(told(client)).toEqual(["gap 4-7 a expired", "publication 8", "publication 9"]);
    expect(world.metrics.count("gaps")).toBe(1);
  });

  test("names a new epoch once, and goes on without a gap where nothing was lost", async () => {
    const client = await listener();
    broker.deliver(NEWS, '"4"', at(4, "b"));
    await world.settle();
    await answer(at(4, "b"), { lineage: [at(3)] });
    broker.deliver(NEWS, '"5"', at(5, "b"));
    await world.settle();
    expect(told(client)).toEqual(["publication 4 b", "publication 5"]);
  });

  test("tells of another life of the log that has lost some", async () => {
    const client = await listener();
    await world.pass(2500);
    await answer(at(4, "b"), { lineage: [at(1)] });
    expect(told(client)).toEqual(["gap 2-4 b epoch"]);
  });

  test("whose read failed is read again soon while the broker is there", async () => {
    const client = await listener();
    await publish(5);
    broker.last("read", NEWS).reject(new BrokerUnavailable("no answer"));
    await world.settle();
    await world.pass(100);
    expect(reads()).toHaveLength(3);
    await answer(at(5));
    expect(told(client)).toEqual(["publication 4", "publication 5"]);
  });

  test("is read again after an outage, not during it", async () => {
    await listener();
    await publish(5);
    broker.become("connecting");
    broker.last("read", NEWS).reject(new BrokerUnavailable("away"));
    await world.pass(500);
    expect(reads()).toHaveLength(2);
    broker.become("ready");
    await world.settle();
    expect(reads()).toHaveLength(3);
  });

  test("that no client needs any more is not read on", async () => {
    const client = await listener();
    await publish(9);
    client.unsubscribe("news");
    await answer(at(9));
    expect(told(client)).toEqual([{}]);
    await world.pass(5000);
    expect(reads()).toHaveLength(2);
  });

  test("an error that is not the broker's absence is logged, and tried again by the next check", async () => {
    await listener();
    await publish(9);
    broker.last("read", NEWS).reject(new Error("boom"));
    await world.settle();
    await world.pass(500);
    expect(world.logger.messages("error")).toEqual(["could not read a log"]);
    expect(reads()).toHaveLength(2);
    await world.pass(1000);
    expect(reads()).toHaveLength(3);
  });
});

describe("a client that comes back", () => {
  test("is served from memory", async () => {
    await listener();
    await publish(4, 5);
    const client = comeBack(at(3));
    expect(told(client)).toMatchObject([
      { ...at(5), recovered: true, publications: [{ offset: 4 }, { offset: 5 }] },
    ]);
    expect(reads()).toHaveLength(1);
  });

  test("while publications wait to be delivered gets what came before, then hears them like the others", async () => {
    await listener();
    await publish(4);
    broker.deliver(NEWS, '"5"', at(5));
    const client = comeBack(at(3));
    expect(told(client)).toMatchObject([{ ...at(4), publications: [{ offset: 4 }] }]);
    await world.settle();
    expect(told(client)).toEqual(["publication 5"]);
  });

  test("from further back shares one read with the others, whatever each has missed", async () => {
    await listener(90);
    const first = comeBack(at(80));
    await world.settle();
    const others = [70, 60, 50, 40, 30, 20, 10, 1].map((since) => comeBack(at(since)));
    await world.settle();
    expect(reads()).toHaveLength(2);
    await answer(at(90));
    expect(told(first)).toMatchObject([{ recovered: true }]);
    expect(reads()).toHaveLength(3);
    await answer(at(90));
    for (const client of others) expect(told(client)).toMatchObject([{ ...at(90), recovered: true }]);
    expect(reads()).toHaveLength(3);
  });

  test("is served though memory for tails is used up", async () => {
    start({ maxTailChars: 0 });
    await listener();
    await publish(4, 5);
    const client = comeBack(at(3));
    await world.settle();
    await answer(at(5));
    expect(told(client)).toMatchObject([{ recovered: true, publications: [{ offset: 4 }, { offset: 5 }] }]);
  });

  test("from ahead of this worker brings it up to date", async () => {
    const other = await listener();
    const client = comeBack(at(5));
    await world.settle();
    await answer(at(6));
    await world.settle();
    // Not with the others, who are about to hear what it knows: it waits until they have.
    expect(told(client)).toEqual([{ ...at(6), recovered: true, publications: [{ offset: 6, data: "6" }] }]);
    expect(told(other)).toEqual(["publication 4", "publication 5", "publication 6"]);
  });

  test("from an epoch that this worker has not heard of brings it up to date", async () => {
    await listener();
    const client = comeBack(at(4, "b"));
    await world.settle();
    await answer(at(5, "b"), { lineage: [at(3)] });
    await world.settle();
    expect(told(client)).toEqual([
      { ...at(5, "b"), recovered: true, publications: [{ offset: 5, data: "5" }] },
    ]);
  });

  test("from an unknown epoch is told so, and the next one without a read", async () => {
    await listener();
    const client = comeBack(at(4, "x"));
    await world.settle();
    await answer(at(3));
    await answer(at(3));
    expect(told(client)).toEqual([{ ...at(3), recovered: false, reason: "epoch" }]);
    expect(reads()).toHaveLength(3);
    expect(told(comeBack(at(7, "x")))).toEqual([{ ...at(3), recovered: false, reason: "epoch" }]);
    expect(reads()).toHaveLength(3);
  });

  test("from a part of the log that is lost goes on where it has heard everything", async () => {
    await listener(9);
    await world.pass(2500);
    await answer(at(7, "b"), { lineage: [at(5)] });
    expect(told(comeBack(at(9)))).toEqual([{ ...at(7, "b"), recovered: false, reason: "epoch" }]);
    broker.deliver(NEWS, '"8"', at(8, "b"));
    expect(told(comeBack(at(8)))).toEqual([{ ...at(7, "b"), recovered: false, reason: "epoch" }]);
  });

  test("while listeners have yet to hear of a gap waits until they have", async () => {
    await listener(9);
    broker.deliver(NEWS, '"10"', at(10));
    world.clock.runDeferred();
    await world.pass(2500);
    broker.deliver(NEWS, '"11"', at(11));
    // Both wait for the same turn: 11, which is lost again, and the gap.
    const call = broker.last("read", NEWS);
    call.resolve(pageOf(call.query, at(12, "b"), { lineage: [at(10)] }));
    const { clock } = world;
    await Promise.resolve().then(() => {});
    for (let turns = 0; turns < 10; turns++) await Promise.resolve();
    const client = comeBack(at(12, "b"));
    expect(told(client)).toEqual([]);
    clock.runDeferred();
    await world.settle();
    expect(told(client)).toMatchObject([{ ...at(12, "b"), recovered: true }]);
  });

  test("in the turn of a gap gets what it has missed, not the gap that was others'", async () => {
    const other = await listener(10);
    await world.pass(2500);
    const call = broker.last("read", NEWS);
    call.resolve(pageOf(call.query, at(12, "b"), { lineage: [at(5)] }));
    for (let turns = 0; turns < 20; turns++) await Promise.resolve();
    const client = comeBack(at(8, "b"));
    await world.settle();
    await answer(at(12, "b"), { lineage: [at(5)] });
    expect(told(other)).toEqual(["gap 6-12 b epoch"]);
    expect(told(client)).toMatchObject([
      { ...at(12, "b"), recovered: true, publications: [9, 10, 11, 12].map((offset) => ({ offset })) },
    ]);
  });

  test("is told `unavailable` when the read fails", async () => {
    await listener(9);
    const client = comeBack(at(1));
    await world.settle();
    broker.last("read", NEWS).reject(new BrokerUnavailable("away"));
    await world.settle();
    expect(told(client)).toEqual(["unavailable"]);
  });

  test("to a channel that moves on while another is awaited gets that, too", async () => {
    start({ maxTailChars: 0 });
    await listener();
    broker.deliver(NEWS, '"4"', at(4));
    const client = world.client();
    client.send({ op: "connect", body: { subs: { news: at(3), sport: null } } });
    await world.settle();
    broker.last("subscribe", channelTopic("sport")).resolve();
    await world.settle();
    broker.last("read", channelTopic("sport")).resolve(pageOf(undefined, at(0)));
    await world.settle();
    await answer(at(4));
    expect(told(client)).toMatchObject([
      { subs: { news: { ...at(4), recovered: true, publications: [{ offset: 4 }] }, sport: at(0) } },
    ]);
  });
});

test("while too much waits to be delivered nothing more is read, then what found no room is", async () => {
  const clock = new FakeClock();
  const metrics = new RecordingMetrics();
  const ticker = new Ticker(clock);
  const scripted = new ScriptedBroker();
  scripted.become("ready");
  const fanOut = new FanOut({ sliceMs: 5, maxPendingChars: 100 }, clock, metrics, new Cork(() => {}));
  const logger = new RecordingLogger();
  const streamReader = new StreamReader(
    {
      maxRecovered: 100,
      maxRecoveredChars: 1000,
      maxTailChars: 1000,
      maxReadBytes: 1000,
      positionCheckMs: 1000,
    },
    { broker: scripted, fanOut, ticker, metrics, incidents: new Incidents(Date.now), logger },
  );
  const topicState = new TopicState(NEWS, { size: 100, ttlMs: 60_000 }, streamReader.newStream(), DISCONNECT);
  const stream = topicState.stream;
  if (stream === undefined) throw new Error("a place with history has a stream");
  const begun = streamReader.begin(topicState, stream);
  scripted.last("read", NEWS).resolve(pageOf(undefined, at(0)));
  await begun;
  for (const offset of [1, 2, 3]) streamReader.arrive(topicState, stream, `"${"x".repeat(20)}"`, at(offset));
  expect(metrics.count("fanout_dropped")).toBe(1);
  expect(stream.position).toEqual(at(1));
  streamReader.turn();
  expect(scripted.calls).toHaveLength(1);
  clock.runDeferred();
  streamReader.turn();
  expect(scripted.last("read", NEWS).query?.from).toBe(2);
});

describe("pages that end at their bytes", () => {
  /** A log of nine publications, of which a page brings two. */
  async function nine(): Promise<{ world: CoreWorld; bus: MemoryBus }> {
    const bus = new MemoryBus();
    for (let n = 1; n <= 9; n++)
      bus.publish(NEWS, `"${"e".repeat(48)}"`, { retention: { size: 100, ttlMs: 300_000 } });
    const world = new CoreWorld(new MemoryBroker(bus), { historySize: 100, maxReadBytes: 100 });
    await world.settle();
    return { world, bus };
  }

  test("are read one after the other for clients that come back, from the newest downwards", async () => {
    const { world: here, bus } = await nine();
    const client = here.connected();
    const { epoch } = bus.read(NEWS, { from: 1, limit: 0, retention: { size: 100, ttlMs: 300_000 } }).top;
    client.send({ op: "subscribe", body: { channel: "news", since: { offset: 1, epoch } } });
    await here.settle();
    expect(client.take()).toMatchObject([
      { body: { recovered: true, publications: [2, 3, 4, 5, 6, 7, 8, 9].map((offset) => ({ offset })) } },
    ]);
    expect(here.metrics.count("recovery_reads")).toBe(5);
  });

  test("are read on by a stream for which publications were left out, without waiting for the next one", async () => {
    const scripted = new ScriptedBroker();
    const here = new CoreWorld(scripted, { historySize: 100 });
    scripted.become("ready");
    const client = here.connected();
    client.subscribe("news");
    scripted.last("subscribe", NEWS).resolve();
    await here.settle();
    scripted.last("read", NEWS).resolve(pageOf(undefined, at(3)));
    await here.settle();
    client.take();
    scripted.skip(NEWS);
    for (const [from, to] of [
      [4, 5],
      [6, 6],
    ] as const) {
      await here.settle();
      const call = scripted.last("read", NEWS);
      expect(call.query).toMatchObject({ from });
      const entries = pageOf(call.query, at(6)).entries.slice(0, to - from + 1);
      call.resolve({ ...pageOf(call.query, at(6)), entries });
    }
    await here.settle();
    expect(told(client)).toEqual(["publication 4", "publication 5", "publication 6"]);
  });
});
