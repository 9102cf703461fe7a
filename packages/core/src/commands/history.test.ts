import type { DecodedFrame, HistoryRequest, Position } from "@holdfast/protocol";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { MemoryBroker, MemoryBus } from "../broker/broker-memory.js";
import { channelTopic } from "../broker/topic.js";
import { CoreWorld, type FakeClient } from "../testing/core-world.js";
import { type BrokerCall, ScriptedBroker } from "../testing/scripted-broker.js";

const RETENTION = { size: 5, ttlMs: 60_000 };
const OPTIONS = { namespaces: { kept: { historySize: 5, historyTtlMs: 60_000 } }, maxOutboxBytes: 50 };

let bus: MemoryBus;
let broker: MemoryBroker;
let client: FakeClient;

beforeEach(async () => {
  bus = new MemoryBus();
  broker = new MemoryBroker(bus);
  const world = new CoreWorld(broker, OPTIONS);
  await world.settle();
  client = world.connected();
});

function publish(...data: string[]): Position | undefined {
  let last: Position | undefined;
  for (const each of data) last = bus.publish(channelTopic("kept:a"), each, { retention: RETENTION });
  return last;
}

async function history(body: Omit<HistoryRequest, "channel">, channel = "kept:a"): Promise<DecodedFrame> {
  client.send({ op: "history", body: { channel, ...body } });
  await new Promise((resolve) => setImmediate(resolve));
  const [frame] = client.take();
  if (frame === undefined) throw new Error("there was no answer");
  return frame;
}

async function offsets(body: Omit<HistoryRequest, "channel">): Promise<unknown> {
  const frame = await history(body);
  if (frame.kind === "error") return frame.error.name;
  const { publications } = (frame as { body: unknown }).body as { publications: { offset: number }[] };
  return publications.map(({ offset }) => offset);
}

describe("history", () => {
  test("answers with the publications as they were published, and where the log stands", async () => {
    const top = publish('{"n":1}', "not JSON");
    expect(await history({})).toMatchObject({
      body: {
        ...top,
        publications: [
          { offset: 1, data: { n: 1 } },
          { offset: 2, data: "not JSON" },
        ],
      },
    });
  });

  test("forward begins with the oldest, or after a position", async () => {
    const { epoch = "" } = publish("1", "2", "3", "4") ?? {};
    expect(await offsets({ limit: 2 })).toEqual([1, 2]);
    expect(await offsets({ since: { offset: 2, epoch } })).toEqual([3, 4]);
    expect(await offsets({ since: { offset: 4, epoch } })).toEqual([]);
    expect(await offsets({ limit: 0 })).toEqual([]);
  });

  test("backward begins with the newest, or before a position", async () => {
    const { epoch = "" } = publish("1", "2", "3", "4") ?? {};
    expect(await offsets({ reverse: true, limit: 2 })).toEqual([4, 3]);
    expect(await offsets({ reverse: true, since: { offset: 3, epoch } })).toEqual([2, 1]);
    expect(await offsets({ reverse: true, since: { offset: 1, epoch } })).toEqual([]);
  });

  test("from a position whose successor is gone says so, forward; backward there is no hole", async () => {
    const { epoch = "" } = publish("1", "2", "3", "4", "5", "6", "7") ?? {};
    expect(await offsets({ since: { offset: 1, epoch } })).toBe("position_lost");
    expect(await offsets({ since: { offset: 2, epoch } })).toEqual([3, 4, 5, 6, 7]);
    expect(await offsets({ since: { offset: 2, epoch }, reverse: true })).toEqual([]);
  });

  test("from a position that is none of the log's says so", async () => {
    const { epoch = "" } = publish("1") ?? {};
    expect(await offsets({ since: { offset: 2, epoch } })).toBe("position_lost");
    expect(await offsets({ since: { offset: 1, epoch: "other" } })).toBe("position_lost");
  });

  test("more than one answer may hold comes in parts, each at least one publication long", async () => {
    const { epoch = "" } = publish(`"${"x".repeat(100)}"`, `"${"y".repeat(30)}"`, '"z"') ?? {};
    expect(await offsets({})).toEqual([1]);
    expect(await offsets({ since: { offset: 1, epoch } })).toEqual([2, 3]);
  });

  test("of a channel that keeps none, or belongs to a user, or without the broker, is refused", async () => {
    expect(await history({}, "plain")).toMatchObject({ error: { name: "no_history" } });
    expect(await history({}, "user:7")).toMatchObject({ error: { name: "forbidden" } });
    await broker.close();
    expect(await history({})).toMatchObject({ error: { name: "unavailable" } });
  });
});

describe("many reads at once", () => {
  const text = `"${"z".repeat(30_000)}"`;
  const world = (): CoreWorld =>
    new CoreWorld(broker, { ...OPTIONS, maxOutboxBytes: 1_000_000, maxReadBytes: 70_000 });
  const names = (of: FakeClient): string[] =>
    of.take().map((frame) => (frame.kind === "error" ? frame.error.name : frame.kind));
  const ask = (of: FakeClient, times: number): void => {
    for (let i = 0; i < times; i++) of.send({ op: "history", body: { channel: "kept:a" } });
  };

  test("are charged by their bytes: what is left of the rate is read, the rest refused, and no client disconnected", async () => {
    publish(text, text, text, text);
    broker = new MemoryBroker(bus);
    const here = world();
    await here.settle();
    const greedy = here.connected();
    ask(greedy, 60);
    await here.settle();
    const answers = names(greedy);
    expect(answers).toHaveLength(60);
    // 200 commands at once, of which connecting and asking took 61: 139 are left, at 60,004 bytes or 3.7
    // commands a page.
    expect(answers.filter((each) => each === "reply")).toHaveLength(Math.ceil(139 / 3.7));
    expect(new Set(answers)).toEqual(new Set(["reply", "limit_rate"]));
    expect(here.metrics.count("reads_refused")).toBe(answers.filter((each) => each === "limit_rate").length);
    await here.pass(3000);
    ask(greedy, 1);
    await here.settle();
    expect(names(greedy)).toContain("reply");
  });

  test("do not make another connection wait for more than its turn", async () => {
    const scripted = new ScriptedBroker();
    scripted.become("ready");
    const here = new CoreWorld(scripted, OPTIONS);
    scripted.become("ready");
    const greedy = Array.from({ length: 8 }, () => here.connected());
    const modest = here.connected();
    for (const each of greedy) ask(each, 20);
    ask(modest, 1);
    const reads = (): BrokerCall[] =>
      scripted.calls.filter(({ op, topic }) => op === "read" && topic === channelTopic("kept:a"));
    expect(reads()).toHaveLength(8);
    const page = { entries: [], top: { offset: 0, epoch: "a" }, oldest: 1, lineage: [] };
    reads()[0]?.resolve(page);
    await here.settle();
    expect(reads()).toHaveLength(9);
    reads()[8]?.resolve(page);
    await here.settle();
    expect(names(modest)).toEqual(["reply"]);
  });

  test("beyond what may wait are refused; those of a connection that has ended are not carried out", async () => {
    const scripted = new ScriptedBroker();
    const here = new CoreWorld(scripted, OPTIONS);
    scripted.become("ready");
    const greedy = here.connected();
    ask(greedy, 70);
    await here.settle();
    expect(names(greedy)).toEqual(Array.from({ length: 5 }, () => "limit_rate"));
    greedy.gone();
    const reads = scripted.calls.filter(({ op, topic }) => op === "read" && topic === channelTopic("kept:a"));
    expect(reads).toHaveLength(1);
    reads[0]?.resolve({ entries: [], top: { offset: 0, epoch: "a" }, oldest: 1, lineage: [] });
    await here.settle();
    expect(
      scripted.calls.filter(({ op, topic }) => op === "read" && topic === channelTopic("kept:a")),
    ).toHaveLength(1);
    expect(here.core.readsWaiting).toBe(0);
  });
});

describe("publishing bytes", () => {
  test("beyond the rate of the connection is refused, and goes on with time", async () => {
    const here = new CoreWorld(new MemoryBroker(bus), { publishBytesPerSecond: 1000 });
    await here.settle();
    const publisher = here.connected();
    const send = async (): Promise<string[]> => {
      publisher.publish("open:a", "p".repeat(900));
      await here.settle();
      return publisher.take().map((frame) => (frame.kind === "error" ? frame.error.name : frame.kind));
    };
    for (let i = 0; i < 3; i++) expect(await send()).toEqual(["reply"]);
    expect(await send()).toEqual(["limit_rate"]);
    expect(here.metrics.count("publish_refused_bytes")).toBe(902);
    await here.pass(1500);
    expect(await send()).toEqual(["reply"]);
  });
});
