import type { DecodedFrame, HistoryRequest, Position } from "@holdfast/protocol";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { MemoryBroker, MemoryBus } from "../broker-memory.js";
import { CoreWorld, type FakeClient } from "../testing/core-world.js";
import { channelTopic } from "../topic.js";

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

  test("of a channel that keeps none, or belongs to somebody, or without the broker, is refused", async () => {
    expect(await history({}, "plain")).toMatchObject({ error: { name: "no_history" } });
    expect(await history({}, "user:7")).toMatchObject({ error: { name: "forbidden" } });
    await broker.close();
    expect(await history({})).toMatchObject({ error: { name: "unavailable" } });
  });
});
