import { describe, expect, test } from "@jest/globals";
import { type CoreWorld, type FakeClient, memoryWorld } from "../testing/core-world.js";

interface Shed {
  readonly client: FakeClient;
  readonly retryAfter: number;
}

/** The clients that have been sent away since the last call, in any order. */
function takeShed(clients: readonly FakeClient[]): Shed[] {
  return clients.flatMap((client) =>
    client.take().flatMap((frame) => {
      if (frame.kind !== "push" || frame.op !== "disconnect") return [];
      expect(frame.body).toMatchObject({ code: 3001, reconnect: true });
      return [{ client, retryAfter: (frame.body as { retryAfter: number }).retryAfter }];
    }),
  );
}

async function idleClients(count: number): Promise<{ world: CoreWorld; clients: FakeClient[] }> {
  const world = memoryWorld();
  const clients = Array.from({ length: count }, () => world.connected());
  await world.pass(3_000);
  takeShed(clients);
  return { world, clients };
}

describe("shedding", () => {
  test("sends as many away as was ordered, spread over the time, each with a time to return", async () => {
    const { world, clients } = await idleClients(100);
    let told = 0;
    world.core.shed({ count: 30, spreadMs: 1_500, minAgeMs: 0 }, (count) => {
      told += count;
    });
    for (let tick = 0; tick < 15; tick++) {
      await world.pass(100);
      expect(takeShed(clients).map(({ retryAfter }) => retryAfter)).toEqual([750, 750]);
    }
    await world.pass(5_000);
    expect(takeShed(clients)).toEqual([]);
    expect(world.core.connections).toBe(70);
    expect(world.metrics.count("connections_shed")).toBe(30);
    expect(told).toBe(30);
  });

  test("takes idle clients first: none that spoke a moment ago, and none for which bytes wait", async () => {
    const { world, clients } = await idleClients(10);
    const [speaking, slow, ...idle] = clients;
    speaking?.subscribe("news");
    if (slow !== undefined) slow.transport.bufferedBytes = 1_000;
    world.core.shed({ count: 8, spreadMs: 100, minAgeMs: 0 });
    await world.pass(200);
    expect(new Set(takeShed(clients).map(({ client }) => client))).toEqual(new Set(idle));
    world.core.shed({ count: 1, spreadMs: 100, minAgeMs: 0 });
    await world.pass(200);
    expect(takeShed(clients)).toHaveLength(1);
  });

  test("lets those stay that have not connected, or came too short a time ago", async () => {
    const { world, clients } = await idleClients(3);
    const young = world.connected();
    const connecting = world.client();
    const told: number[] = [];
    world.core.shed({ count: 10, spreadMs: 500, minAgeMs: 1_000 }, (count) => told.push(count));
    await world.pass(2_000);
    expect(told).toEqual([2, 1]);
    expect(takeShed(clients)).toHaveLength(3);
    expect([young.transport.end, connecting.transport.end]).toEqual([undefined, undefined]);
    expect(world.core.connections).toBe(2);
  });

  test("an order takes the place of the last one, and a drain of all", async () => {
    const { world, clients } = await idleClients(40);
    world.core.shed({ count: 20, spreadMs: 1_000, minAgeMs: 0 });
    await world.pass(500);
    expect(takeShed(clients)).toHaveLength(10);
    world.core.shed({ count: 2, spreadMs: 1_000, minAgeMs: 0 });
    await world.pass(2_000);
    expect(takeShed(clients)).toHaveLength(2);
    world.core.shed({ count: 20, spreadMs: 1_000, minAgeMs: 0 });
    void world.core.drain({ windowMs: 60_000, reason: "an update" });
    world.core.shed({ count: 20, spreadMs: 1_000, minAgeMs: 0 });
    await world.pass(1_000);
    const codes = clients.map(({ transport }) => (transport.end?.by === "close" ? transport.end.code : 0));
    expect(codes.filter((code) => code === 3001)).toHaveLength(12);
  });

  test("is no incident, and keeps no session for a client that goes elsewhere", async () => {
    const { world } = await idleClients(5);
    world.core.shed({ count: 5, spreadMs: 100, minAgeMs: 0 });
    await world.pass(300);
    expect(world.core.detached).toBe(0);
    expect(world.core.incidents.lately(0)).toEqual([]);
  });
});
