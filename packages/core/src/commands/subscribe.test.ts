/**
 * `subscribe` as a client sees it. What recovery proves is in stream-reader.test.ts; here is what an answer
 * looks like.
 */
import type { Position, SubscribeRequest } from "@holdfast/protocol";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { MemoryBroker, MemoryBus } from "../broker/broker-memory.js";
import { channelTopic } from "../broker/topic.js";
import { CoreWorld, type FakeClient } from "../testing/core-world.js";

const RETENTION = { size: 5, ttlMs: 60_000 };
const KEPT = channelTopic("kept:a");

let bus: MemoryBus;
let world: CoreWorld;
let client: FakeClient;

beforeEach(async () => {
  bus = new MemoryBus();
  world = new CoreWorld(new MemoryBroker(bus), {
    namespaces: { kept: { historySize: 5, historyTtlMs: 60_000 } },
    maxTailChars: 0,
  });
  await world.settle();
  client = world.connected();
});

function publish(...data: string[]): Position {
  const positions = data.map((each) => bus.publish(KEPT, each, { retention: RETENTION }));
  return positions.at(-1) ?? { offset: 0, epoch: "" };
}

async function subscribe(body: SubscribeRequest): Promise<unknown> {
  client.send({ op: "subscribe", body });
  await world.settle();
  return client.take().map((frame) => ("body" in frame ? frame.body : frame))[0];
}

describe("subscribe", () => {
  test("without history answers with nothing, and proves nothing", async () => {
    expect(await subscribe({ channel: "plain" })).toEqual({});
    client.unsubscribe("plain");
    client.take();
    const since = { offset: 1, epoch: "e" };
    expect(await subscribe({ channel: "plain", since })).toEqual({
      recovered: false,
      reason: "unverifiable",
    });
  });

  test("with history answers with the position after which everything is heard", async () => {
    const top = publish("1", "2");
    expect(await subscribe({ channel: "kept:a" })).toEqual(top);
    publish("3");
    await world.settle();
    expect(client.take()).toMatchObject([{ op: "publication", body: { offset: 3, data: 3 } }]);
  });

  test("since a position answers with what came after it, as JSON whatever was published", async () => {
    const since = publish("1");
    const top = publish('{"n":2}', "not JSON");
    expect(await subscribe({ channel: "kept:a", since })).toEqual({
      ...top,
      recovered: true,
      publications: [
        { offset: 2, data: { n: 2 } },
        { offset: 3, data: "not JSON" },
      ],
    });
  });

  test("since the newest position answers without publications", async () => {
    const since = publish("1");
    expect(await subscribe({ channel: "kept:a", since })).toEqual({ ...since, recovered: true });
  });

  test("since a position whose successor has expired says so, and goes on from the end", async () => {
    const since = publish("1");
    const top = publish("2", "3", "4", "5", "6", "7");
    const answer = await subscribe({ channel: "kept:a", since });
    expect(answer).toEqual({ ...top, recovered: false, reason: "expired" });
  });

  test("that an unsubscribe overtakes fails, and leaves nothing behind", async () => {
    const since = publish("1");
    publish("2");
    client.send({ op: "subscribe", body: { channel: "kept:a", since } });
    client.unsubscribe("kept:a");
    await world.settle();
    expect(client.take()).toMatchObject([
      { op: "unsubscribe", id: 3 },
      { kind: "error", id: 2, error: { name: "not_subscribed" } },
    ]);
    expect(world.core.topics).toBe(0);
    expect(world.core.subscriptions).toBe(0);
  });
});
