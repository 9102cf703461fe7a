import { ownerPrefix } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import { BrokerUnavailable } from "../broker/broker.js";
import { MemoryBroker, MemoryBus } from "../broker/broker-memory.js";
import { presenceTopic } from "../broker/topic.js";
import type { CoreOptions } from "../options.js";
import { CoreWorld, type FakeClient } from "../testing/core-world.js";
import type { FakeClock } from "../testing/fake-clock.js";
import { MemoryPresence } from "./memory.js";

const NAMESPACES = {
  room: { presence: true, joinLeave: "session" },
  hall: { presence: true },
  quiet: { presence: true, joinLeave: "off" },
} as const;

/** Workers that share a broker and a store; their clocks go together. */
class Cluster {
  readonly bus = new MemoryBus();
  readonly clocks: FakeClock[] = [];
  readonly store = new MemoryPresence(this.bus, {
    now: () => this.clocks[0]?.now() ?? 0,
    monotonic: () => this.clocks[0]?.monotonic() ?? 0,
  });
  readonly worlds: CoreWorld[] = [];

  worker(options: Partial<CoreOptions> = {}): CoreWorld {
    const slot = this.worlds.length;
    const owner = { slot, generation: 0 };
    let ids = 0;
    const world = new CoreWorld(
      new MemoryBroker(this.bus),
      { namespaces: NAMESPACES, presenceLeaseMs: 3000, presenceGraceMs: 500, ...options },
      owner,
      {
        presence: this.store,
        sessionId: () => ownerPrefix(owner) + `${slot}x${++ids}`.padStart(16, "0"),
      },
    );
    this.clocks.push(world.clock);
    this.worlds.push(world);
    return world;
  }

  async settle(): Promise<void> {
    for (let round = 0; round < 4; round++) for (const world of this.worlds) await world.settle();
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 100) {
      for (const { clock } of this.worlds) clock.advance(Math.min(100, left));
      await this.settle();
    }
  }
}

type Body = Record<string, unknown>;

/** Its pushes of presence since it was last read. */
function pushes(client: FakeClient): [op: string, body: Body][] {
  return client
    .take()
    .flatMap((frame) => (frame.kind === "push" ? [[frame.op, frame.body as Body] as [string, Body]] : []));
}

function reply(client: FakeClient): Body {
  const [frame] = client.take().filter(({ kind }) => kind === "reply" || kind === "error");
  if (frame?.kind === "error") return frame.error as unknown as Body;
  return (frame?.kind === "reply" ? frame.body : {}) as Body;
}

async function listener(cluster: Cluster, world: CoreWorld, channel: string): Promise<[FakeClient, Body]> {
  const client = world.connected();
  client.send({ op: "subscribe", body: { channel, presence: true, joinLeave: true } });
  await cluster.settle();
  const frames = client.take();
  const [answer] = frames.flatMap((frame) => (frame.kind === "reply" ? [frame.body as Body] : []));
  return [client, answer?.presence as Body];
}

describe("presence", () => {
  it("tells who is there with the subscription, then who joins and leaves, with versions that go on", async () => {
    const cluster = new Cluster();
    const [one, two] = [cluster.worker(), cluster.worker()];
    await cluster.settle();
    const other = await two.subscribed("room:1");
    await cluster.settle();
    const [client, snapshot] = await listener(cluster, one, "room:1");
    expect(snapshot).toMatchObject({ users: 1, sessions: 1, members: [{ session: expect.any(String) }] });
    const third = await two.subscribed("room:1");
    await cluster.settle();
    third.unsubscribe("room:1");
    await cluster.settle();
    const told = pushes(client);
    expect(told.map(([op]) => op)).toEqual(["join", "leave"]);
    const version = snapshot.version as number;
    // Its own join comes between.
    expect(told.map(([, body]) => body.version)).toEqual([version + 2, version + 3]);
    expect(other.take()).toEqual([]);
  });

  it("tells no client that did not ask", async () => {
    const cluster = new Cluster();
    const world = cluster.worker();
    const silent = await world.subscribed("room:1");
    await cluster.settle();
    await world.subscribed("room:1");
    await cluster.settle();
    expect(pushes(silent)).toEqual([]);
    expect(world.core.members).toBe(2);
  });

  it.each([
    ["none", "plain", { presence: true }],
    ["no presence in the namespace", "other:1", { joinLeave: true }],
    ["joins and leaves are off", "quiet:1", { joinLeave: true }],
  ])("refuses what it cannot tell: %s", async (_, channel, flags) => {
    const cluster = new Cluster();
    const client = cluster.worker().connected();
    client.send({ op: "subscribe", body: { channel, ...flags } });
    await cluster.settle();
    expect(reply(client)).toMatchObject({ name: "no_presence" });
    client.send({ op: "subscribe", body: { channel } });
    await cluster.settle();
    expect(reply(client)).toEqual({});
  });

  it("answers the command from the store, and from its view where it has one", async () => {
    const cluster = new Cluster();
    const [one, two] = [cluster.worker(), cluster.worker()];
    await two.subscribed("room:1");
    await cluster.settle();
    const client = one.connected();
    const ask = async (body: { limit?: number; cursor?: string }): Promise<Body> => {
      client.send({ op: "presence", body: { channel: "room:1", ...body } });
      await cluster.settle();
      return reply(client);
    };
    const fromStore = await ask({});
    expect(fromStore).toMatchObject({ users: 1, sessions: 1, members: [{}] });
    expect(await ask({ limit: 0 })).toEqual({ ...fromStore, members: [] });
    await listener(cluster, one, "room:1");
    expect(await ask({})).toMatchObject({ sessions: 2, members: [{}, {}] });
    const page = await ask({ limit: 1 });
    expect(page).toMatchObject({ sessions: 2, members: [{}], next: expect.any(String) });
    expect(await ask({ limit: 1, cursor: String(page.next) })).toMatchObject({ members: [{}] });
  });

  it("keeps a member whose connection was lost for the grace", async () => {
    const cluster = new Cluster();
    const [one, two] = [cluster.worker(), cluster.worker()];
    const [client] = await listener(cluster, one, "room:1");
    const lost = await two.subscribed("room:1");
    await cluster.settle();
    pushes(client);
    lost.gone();
    await cluster.pass(400);
    expect(pushes(client)).toEqual([]);
    await cluster.pass(300);
    expect(pushes(client).map(([op]) => op)).toEqual(["leave"]);
  });

  it("a session that comes back, here or elsewhere, neither leaves nor joins", async () => {
    const cluster = new Cluster();
    const [one, two] = [cluster.worker(), cluster.worker()];
    await cluster.settle();
    const [client] = await listener(cluster, one, "room:1");
    let comer = two.client();
    comer.send({ op: "connect", body: { subs: { "room:1": null } } });
    await cluster.settle();
    let welcome = reply(comer);
    pushes(client);
    for (const world of [two, one, two]) {
      comer.gone();
      comer = world.client();
      const resume = { sid: String(welcome.sid), token: String(welcome.resumeToken) };
      comer.send({ op: "connect", body: { resume, subs: { "room:1": null } } });
      await cluster.pass(1500);
      welcome = reply(comer);
      expect(welcome).toMatchObject({ resumed: true });
      expect(pushes(client)).toEqual([]);
    }
    expect((await cluster.store.read("room:1", 10)).sessions).toBe(2);
    comer.gone();
    await cluster.pass(1000);
    expect(pushes(client).map(([op]) => op)).toEqual(["leave"]);
  });

  it("two connections of one session: the later one decides when it leaves", async () => {
    const cluster = new Cluster();
    const world = cluster.worker();
    await cluster.settle();
    const old = world.client();
    old.send({ op: "connect", body: { subs: { "room:1": null } } });
    await cluster.settle();
    const { sid, resumeToken } = reply(old);
    const next = world.client();
    next.send({
      op: "connect",
      body: { resume: { sid: String(sid), token: String(resumeToken) }, subs: { "room:1": null } },
    });
    await cluster.settle();
    old.gone();
    await cluster.pass(1000);
    expect((await cluster.store.read("room:1", 10)).sessions).toBe(1);
    next.gone();
    await cluster.pass(1000);
    expect((await cluster.store.read("room:1", 10)).sessions).toBe(0);
  });

  it("members of a worker that stands still leave with its lease, once, and come back with it", async () => {
    const cluster = new Cluster();
    const [one, two] = [cluster.worker(), cluster.worker()];
    const [client] = await listener(cluster, one, "room:1");
    await two.subscribed("room:1");
    await cluster.settle();
    pushes(client);
    // Only the first worker's clock goes on.
    for (let ms = 0; ms < 3200; ms += 100) {
      one.clock.advance(100);
      await cluster.settle();
    }
    expect(pushes(client).map(([op]) => op)).toEqual(["leave"]);
    for (let ms = 0; ms < 3200; ms += 100) {
      two.clock.advance(100);
      await cluster.settle();
    }
    expect(pushes(client).map(([op]) => op)).toEqual(["join"]);
    expect(two.metrics.count("presence_lapses")).toBe(1);
    expect(one.metrics.count("presence_reaped")).toBe(1);
  });

  it("a worker that closes leaves its members the grace to come back elsewhere", async () => {
    const cluster = new Cluster();
    const [one, two] = [cluster.worker(), cluster.worker()];
    const [client] = await listener(cluster, one, "room:1");
    await two.subscribed("room:1");
    await cluster.settle();
    pushes(client);
    await two.core.close();
    cluster.worlds.pop();
    await cluster.pass(300);
    expect(pushes(client)).toEqual([]);
    await cluster.pass(2000);
    expect(pushes(client).map(([op]) => op)).toEqual(["leave"]);
    expect((await cluster.store.read("room:1", 10)).sessions).toBe(1);
  });

  it("says only how many there are above the size, at most once a second", async () => {
    const cluster = new Cluster();
    const world = cluster.worker({ maxJoinLeave: 3 });
    const [client, snapshot] = await listener(cluster, world, "room:1");
    expect(snapshot).toMatchObject({ members: [] });
    await Promise.all(Array.from({ length: 5 }, () => world.subscribed("room:1")));
    await cluster.settle();
    pushes(client);
    await cluster.pass(200);
    expect(pushes(client)).toMatchObject([["presence", { channel: "room:1", users: 6, sessions: 6 }]]);
    const more = await world.subscribed("room:1");
    await cluster.pass(500);
    expect(pushes(client)).toEqual([]);
    await cluster.pass(700);
    expect(pushes(client)).toMatchObject([["presence", { sessions: 7 }]]);
    const [, late] = await listener(cluster, world, "room:1");
    expect(late).toMatchObject({ sessions: 7, members: [] });
    more.unsubscribe("room:1");
  });

  it("runs nothing where no namespace has presence", async () => {
    const cluster = new Cluster();
    const world = cluster.worker({ namespaces: {} });
    await world.subscribed("room:1");
    await cluster.pass(5000);
    expect(world.core.members).toBe(0);
    expect((await cluster.store.renew("x.1", 1000, true)).nextMs).toBeUndefined();
  });

  it("forgets a watch without users", async () => {
    const cluster = new Cluster();
    const world = cluster.worker();
    const [client] = await listener(cluster, world, "room:1");
    expect(world.core.presenceViews).toBe(1);
    client.unsubscribe("room:1");
    await cluster.pass(4000);
    expect(world.core.presenceViews).toBe(1);
    await cluster.pass(2000);
    expect(world.core.presenceViews).toBe(0);
    expect(cluster.bus.topics).toBe(2);
  });

  it("drops news that is none", async () => {
    const cluster = new Cluster();
    const world = cluster.worker();
    const [client] = await listener(cluster, world, "room:1");
    pushes(client);
    for (const text of [
      "",
      "{",
      "[]",
      "null",
      '{"sequence":1}',
      '{"sequence":1,"version":1,"users":1,"sessions":1,"steps":[[1]]}',
    ])
      await world.broker.publish("presence:room:1", text);
    await cluster.settle();
    expect(pushes(client)).toEqual([]);
    expect(world.metrics.count("broker_rejected")).toBe(6);
  });

  it("reads a view that it could not read once a tick, not again and again, while the store is away", async () => {
    const cluster = new Cluster();
    const world = cluster.worker();
    await cluster.settle();
    await listener(cluster, world, "room:1");
    let reads = 0;
    const read = cluster.store.read.bind(cluster.store);
    cluster.store.read = (...query) => {
      reads++;
      return reads > 50 ? read(...query) : Promise.reject(new BrokerUnavailable("away"));
    };
    // A hole in what it hears: it has to read.
    cluster.bus.publish(
      presenceTopic("room:1"),
      '{"sequence":9e15,"version":9e15,"users":1,"sessions":1}',
      {},
    );
    await cluster.settle();
    expect(reads).toBe(1);
    await cluster.pass(300);
    expect(reads).toBeGreaterThan(1);
    expect(reads).toBeLessThan(6);
  });
});
