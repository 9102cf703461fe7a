import { describe, expect, it } from "@jest/globals";
import { channelTopic } from "../broker/topic.js";
import { memoryWorld } from "../testing/core-world.js";

describe("a connection report", () => {
  it("says what a session is subscribed to, where it stands and how long it has been silent", async () => {
    const world = memoryWorld({ historySize: 10, historyTtlMs: 60_000 });
    const client = await world.subscribed("news", "sport");
    await world.subscribed("news");
    await world.broker.publish(channelTopic("news"), "1", { retention: { size: 10, ttlMs: 60_000 } });
    await world.settle();
    world.clock.advance(3000);
    const session = client.connection.id;
    const [report, ...more] = world.core.inspector.reports({ session, channel: "sport", limit: 5 });
    expect(more).toEqual([]);
    expect(report).toMatchObject({ session, codec: "lines", silentMs: 3000, moreSubscriptions: 0 });
    expect(report?.subscriptions.map(({ channel }) => channel)).toEqual(["sport", "news"]);
    expect(report?.subscriptions[1]).toMatchObject({ position: { offset: 1 }, skipped: 0 });
  });

  it("is asked for by user, at most as many as wanted, and empty where there is none", async () => {
    const world = memoryWorld();
    await world.subscribed("news");
    expect(world.core.inspector.reports({ user: "ada", limit: 5 })).toEqual([]);
    expect(world.core.inspector.reports({ limit: 0 })).toEqual([]);
  });
});

describe("incidents of a worker", () => {
  it("tell of a refused subscribe and of a disconnect, with the session and the channel", async () => {
    const world = memoryWorld();
    const client = await world.subscribed("news");
    const { id } = client.connection;
    client.connection.receive('{"id":7,"subscribe":{"channel":"user:other"}}');
    client.connection.receive("no frame");
    const incidents = world.core.inspector.incidents({ session: id, limit: 10 });
    expect(incidents.map(({ kind, code, channel }) => [kind, code, channel])).toEqual([
      ["ended", "bad_frame", undefined],
      ["refused", "forbidden", "user:other"],
    ]);
  });
});
