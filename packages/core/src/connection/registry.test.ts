import { disconnects } from "@holdfast/protocol";
import { describe, expect, test } from "@jest/globals";
import { memoryWorld } from "../testing/core-world.js";

const STALE = { by: "close", code: disconnects.stale.code, reason: "stale" };

describe("a connection that does not connect", () => {
  test("is closed as stale when its time is over, and told so", () => {
    const world = memoryWorld();
    const { core, clock, metrics } = world;
    const client = world.client();
    clock.advance(9_900);
    expect(client.transport.end).toBeUndefined();
    clock.advance(200);
    expect(client.transport.end).toEqual(STALE);
    expect(client.take()).toMatchObject([{ op: "disconnect", body: { code: 3003, reconnect: true } }]);
    expect(metrics.count("stale_connections")).toBe(1);
    expect(core.connections).toBe(0);
  });

  test("is closed also when it says other things", () => {
    const world = memoryWorld();
    const client = world.client();
    for (let i = 0; i < 11; i++) {
      client.connection.receive("{}");
      client.subscribe("news");
      world.clock.advance(1_000);
    }
    expect(client.transport.end).toEqual(STALE);
  });

  test("is not closed a second time when it had ended before", () => {
    const world = memoryWorld();
    const client = world.client();
    client.gone();
    world.clock.advance(20_000);
    expect(client.transport.end).toBeUndefined();
    expect(world.metrics.count("stale_connections")).toBe(0);
  });

  test("does not take along connections that came later, or connected in time", () => {
    const world = memoryWorld();
    const client = world.client();
    world.clock.advance(5_000);
    const later = world.client();
    const inTime = world.client();
    inTime.connect();
    world.clock.advance(5_100);
    expect(client.transport.end).toEqual(STALE);
    expect(later.transport.end).toBeUndefined();
    world.clock.advance(5_000);
    expect(later.transport.end).toEqual(STALE);
    expect(inTime.transport.end).toBeUndefined();
  });

  test("was connected by its URL: then it has", async () => {
    const world = memoryWorld();
    const client = world.client("objects", ["news"]);
    await world.pass(20_000);
    expect(client.transport.end).toBeUndefined();
  });
});

describe("the count of connections", () => {
  test("has every open connection, whether connected or not, and none that is closing", () => {
    const world = memoryWorld();
    const clients = [world.client(), world.connected(), world.client("raw", ["a"])];
    expect(world.core.connections).toBe(3);
    clients[0]!.connection.disconnect(disconnects.internal);
    expect(world.core.connections).toBe(2);
    clients[0]!.gone();
    clients[1]!.gone();
    clients[1]!.gone();
    expect(world.core.connections).toBe(1);
    expect(world.metrics.count("connections_opened")).toBe(3);
    expect(world.metrics.count("connections_closed")).toBe(2);
  });

  test("is zero at the end whatever came first: the transport's end or the disconnect", async () => {
    const world = memoryWorld();
    const [a, b] = [world.connected(), world.connected()];
    a.gone();
    a.connection.disconnect(disconnects.internal);
    b.connection.disconnect(disconnects.internal);
    b.gone();
    b.connection.disconnect(disconnects.slow);
    expect(world.core.connections).toBe(0);
    expect(world.metrics.count("connections_closed")).toBe(2);
    expect(a.transport.end).toBeUndefined();
    // No connection counts as closing: a drain is done at its first look.
    const drained = world.core.drain({ windowMs: 0, reason: "test" });
    await world.pass(100);
    await drained;
  });

  test("is right also for a connection that was refused when it came", async () => {
    const world = memoryWorld();
    const drained = world.core.drain({ windowMs: 0, reason: "test" });
    const refused = world.client();
    expect(refused.transport.end).toMatchObject({ code: disconnects.drain.code });
    expect(world.core.connections).toBe(0);
    let done = false;
    drained.then(() => {
      done = true;
    });
    await world.pass(500);
    expect(done).toBe(false);
    refused.gone();
    await world.pass(100);
    expect(done).toBe(true);
    expect(world.metrics.count("connections_opened")).toBe(1);
    expect(world.metrics.count("connections_closed")).toBe(1);
  });
});
