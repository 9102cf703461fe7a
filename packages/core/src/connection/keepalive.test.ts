import { disconnects } from "@holdfast/protocol";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { codecs } from "../codec/codecs.js";
import { Cork } from "../delivery/cork.js";
import { Outbox } from "../delivery/outbox.js";
import { SlowConsumers } from "../delivery/slow-consumers.js";
import type { CoreOptions } from "../options.js";
import { CORE_DEFAULTS } from "../options.js";
import { Incidents } from "../runtime/incidents.js";
import { SlotArray } from "../runtime/slot-array.js";
import { Ticker } from "../runtime/ticker.js";
import { type CoreWorld, type FakeClient, memoryWorld } from "../testing/core-world.js";
import { FakeClock } from "../testing/fake-clock.js";
import { FakeTransport } from "../testing/fake-transport.js";
import { RecordingLogger } from "../testing/recording-logger.js";
import { RecordingMetrics } from "../testing/recording-metrics.js";
import type { Connection } from "./connection.js";
import { Keepalive } from "./keepalive.js";

const TICK_MS = 100;
const INTERVAL_MS = 25_000;
const PONG_MS = 8_000;

function noPong(client: FakeClient): boolean {
  const { end } = client.transport;
  return end?.by === "close" && end.code === disconnects.noPong.code;
}

/** How many protocol pings a client was sent since it last looked. */
function pings(client: FakeClient): number {
  return client.take().filter(({ kind }) => kind === "ping").length;
}

/** Keepalive alone, of connections of which it knows what it looks at; none of them answers. */
function alone(pingIntervalMs: number, pongTimeoutMs: number) {
  const slots = new SlotArray<Connection>();
  const clock = new FakeClock();
  const ticker = new Ticker(clock);
  const outbox = new Outbox(CORE_DEFAULTS, ticker);
  const [logger, metrics] = [new RecordingLogger(), new RecordingMetrics()];
  const slowConsumers = new SlowConsumers(1, {
    outbox,
    ticker,
    clock,
    logger,
    metrics,
    incidents: new Incidents(Date.now),
  });
  const writing = { cork: new Cork(() => {}), logger, outbox, slowConsumers };
  const options = { pingIntervalMs, pongTimeoutMs };
  const keepalive = new Keepalive(options, slots, { ticker, clock, metrics }, writing);
  const dead = (transport: Partial<FakeTransport> = new FakeTransport()): Connection => {
    const connection = {
      slot: -1,
      seenTick: ticker.tick,
      pingedTick: 0,
      codec: codecs.raw,
      transport,
      disconnect: () => slots.remove(connection as unknown as Connection),
    };
    return connection as unknown as Connection;
  };
  return { clock, dead, keepalive, slots, ticker };
}

describe("keepalive", () => {
  test("pings a silent client, and disconnects it when nothing comes back", () => {
    const world = memoryWorld();
    const client = world.connected();
    world.clock.advance(1.5 * INTERVAL_MS);
    expect(pings(client)).toBe(1);
    world.clock.advance(PONG_MS);
    expect(noPong(client)).toBe(true);
    expect(world.metrics.count("keepalive_pings")).toBe(1);
    expect(world.metrics.count("keepalive_timeouts")).toBe(1);
    expect(world.core.connections).toBe(0);
  });

  test.each<[string, (client: FakeClient) => void]>([
    ["a pong", (client) => client.connection.receive("{}")],
    ["a sign of life below the protocol", (client) => client.connection.alive()],
    ["a command", (client) => client.unsubscribe("nothing")],
  ])("%s after a ping is life", (_, live) => {
    const world = memoryWorld();
    const client = world.connected();
    for (let minute = 0; minute < 10; minute++) {
      while (pings(client) === 0) world.clock.advance(TICK_MS);
      world.clock.advance(PONG_MS - TICK_MS);
      live(client);
      client.take();
    }
    expect(client.transport.end).toBeUndefined();
  });

  test("does not ping a client that speaks by itself", () => {
    const world = memoryWorld();
    const client = world.connected();
    for (let i = 0; i < 50; i++) {
      world.clock.advance(INTERVAL_MS / 2 - 2 * TICK_MS);
      client.connection.alive();
    }
    expect(world.metrics.count("keepalive_pings")).toBe(0);
  });

  test("pings plain clients, and those that have yet to connect, below the protocol", () => {
    const world = memoryWorld({ connectTimeoutMs: 10 * INTERVAL_MS });
    const clients = [world.client("objects", ["a"]), world.client("raw", ["a"]), world.client("lines")];
    world.clock.advance(1.5 * INTERVAL_MS);
    for (const client of clients) {
      expect(client.transport.pings).toBe(1);
      expect(pings(client)).toBe(0);
    }
  });

  test("spreads the pings of many clients evenly over the interval", () => {
    const world = memoryWorld();
    const clients = Array.from({ length: 1000 }, () => world.connected());
    world.clock.advance(INTERVAL_MS);
    for (const client of clients) client.connection.alive();
    let most = 0;
    let before = world.metrics.count("keepalive_pings");
    for (let at = 0; at < INTERVAL_MS; at += TICK_MS) {
      world.clock.advance(TICK_MS);
      const now = world.metrics.count("keepalive_pings");
      most = Math.max(most, now - before);
      before = now;
      for (const client of clients) if (pings(client) > 0) client.connection.alive();
    }
    // 1000 clients over 25 beats of a second, 32 neighbours together.
    expect(most).toBeLessThanOrEqual(64);
  });

  test("pings many in slices, and gives each client all the time for its pong", () => {
    const { clock, dead, keepalive, slots, ticker } = alone(1_000, 1_000);
    const slow = { bufferedBytes: 0, ping: () => clock.spend(1) };
    const [early, late] = [0, 1].map(() => Array.from({ length: 32 }, () => dead(slow))) as [
      Connection[],
      Connection[],
    ];
    for (const connection of [...early, ...late]) slots.add(connection);
    const turnAt = (tick: number): void => {
      ticker.tick = tick;
      keepalive.turn();
    };
    turnAt(10);
    expect(early.map(({ pingedTick }) => pingedTick)).toEqual(Array(32).fill(10));
    expect(late.map(({ pingedTick }) => pingedTick)).toEqual(Array(32).fill(0));
    turnAt(13);
    clock.runDeferred();
    expect(late.map(({ pingedTick }) => pingedTick)).toEqual(Array(32).fill(13));
    for (let tick = 14; tick < 23; tick++) turnAt(tick);
    expect(slots.size).toBe(64);
    turnAt(23);
    expect(slots.size).toBe(0);
  });

  test("leaves no connection out of a beat that is not over when the next one comes", () => {
    const { clock, dead, keepalive, slots, ticker } = alone(1_000, 1_000);
    const slow = { bufferedBytes: 0, ping: () => clock.spend(1) };
    const connections = Array.from({ length: 320 }, () => dead(slow));
    for (const connection of connections) slots.add(connection);
    ticker.tick = 10;
    keepalive.turn();
    ticker.tick = 20;
    keepalive.turn();
    expect(connections.every(({ pingedTick }) => pingedTick > 0)).toBe(true);
  });

  test("has longer beats in a long interval, of which both times are whole multiples", () => {
    const world = memoryWorld({ pingIntervalMs: 100_000, pongTimeoutMs: 30_000 });
    for (let i = 0; i < 1_000; i++) world.connected();
    world.clock.advance(100_000);
    const moments = new Set<number>();
    let before = world.metrics.count("keepalive_pings");
    for (let at = 0; at < 100_000; at += TICK_MS) {
      world.clock.advance(TICK_MS);
      const now = world.metrics.count("keepalive_pings");
      if (now > before) moments.add(at % 2_500);
      before = now;
    }
    expect(moments.size).toBe(1);
  });

  test("judges a client by its own ping, not by that of the client that had its place before", () => {
    const world = memoryWorld();
    const first = world.connected();
    while (pings(first) === 0) world.clock.advance(TICK_MS);
    first.gone();
    const second = world.connected();
    world.clock.advance(PONG_MS + TICK_MS);
    expect(second.transport.end).toBeUndefined();
  });

  test("finds the dead also when they change their slot after the ping", () => {
    const { clock, dead, keepalive, slots, ticker } = alone(10_000, 4_000);
    ticker.add(() => keepalive.turn());
    ticker.start();
    const [leaves, stays] = [dead(), dead()];
    slots.add(leaves);
    slots.add(stays);
    // Joins during a walk that lasts until it was pinged, then takes the slot of one that left.
    slots.beginWalk();
    for (let i = 0; i < 30; i++) slots.add(dead());
    const moved = dead();
    slots.add(moved);
    while (moved.pingedTick === 0) clock.advance(TICK_MS);
    const pingedAt = clock.monotonic();
    slots.remove(leaves);
    slots.endWalk();
    while (moved.slot !== -1 && clock.monotonic() < pingedAt + 60_000) clock.advance(TICK_MS);
    expect(clock.monotonic() - pingedAt).toBeLessThanOrEqual(4_000 + 10_000);
  });

  test.each([
    ["as long as the interval", 1],
    ["longer than the interval", 2.4],
  ])("finds the dead also when the pong may take %s", (_, intervals) => {
    const pongTimeoutMs = intervals * 10_000;
    const world = memoryWorld({ pingIntervalMs: 10_000, pongTimeoutMs });
    const client = world.connected();
    world.clock.advance(2 * 10_000 + pongTimeoutMs);
    expect(noPong(client)).toBe(true);
  });
});

describe("`{}`", () => {
  function pinged(): { world: CoreWorld; client: FakeClient } {
    const world = memoryWorld();
    const client = world.connected();
    while (pings(client) === 0) world.clock.advance(TICK_MS);
    return { world, client };
  }

  test("from a client that was not pinged is its own ping, and is echoed", () => {
    const client = memoryWorld().connected();
    client.connection.receive("{}");
    client.connection.receive("{}");
    expect(pings(client)).toBe(2);
  });

  test("after our ping is the pong, and is not echoed", () => {
    const { client } = pinged();
    client.connection.receive("{}");
    expect(client.take()).toEqual([]);
    client.connection.receive("{}");
    expect(pings(client)).toBe(1);
  });

  test("is the pong also when a command crossed our ping: neither side echoes for ever", () => {
    const { client } = pinged();
    client.unsubscribe("nothing");
    client.connection.alive();
    client.take();
    client.connection.receive("{}");
    expect(client.take()).toEqual([]);
  });

  test("is the pong also in a message with other frames", () => {
    const { client } = pinged();
    client.connection.receive('{}\n{"id":7,"unsubscribe":{"channel":"nothing"}}');
    expect(client.take().map(({ kind }) => kind)).toEqual(["error"]);
  });
});

test("whatever the traffic, a live client stays and a dead one is closed within two intervals and a pong's time", () => {
  const options: Partial<CoreOptions> = { pingIntervalMs: 2_000, pongTimeoutMs: 700 };
  const bound = 2 * 2_000 + 700;
  const behaviour = fc.record({
    /** Ticks between what it says by itself. */
    talks: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 20 }),
    diesAt: fc.option(fc.integer({ min: 0, max: 150 }), { nil: Number.POSITIVE_INFINITY }),
    opensAt: fc.integer({ min: 0, max: 60 }),
    answersAfter: fc.integer({ min: 0, max: 6 }),
    encoding: fc.constantFrom("lines" as const, "objects" as const),
  });
  fc.assert(
    fc.property(fc.array(behaviour, { minLength: 1, maxLength: 25 }), (behaviours) => {
      const world = memoryWorld(options);
      const clients = behaviours.map((how) => ({
        how,
        client: undefined as FakeClient | undefined,
        nextTalk: how.opensAt,
        talk: 0,
        pongAt: Number.POSITIVE_INFINITY,
        transportPings: 0,
        lastLife: 0,
        closedAt: undefined as number | undefined,
      }));
      for (let tick = 0; tick < 260; tick++) {
        for (const each of clients) {
          const { how } = each;
          if (tick === how.opensAt) {
            each.client = how.encoding === "lines" ? world.connected() : world.client("objects", []);
            each.lastLife = tick;
          }
          const { client } = each;
          if (client === undefined || tick >= how.diesAt || each.closedAt !== undefined) continue;
          if (tick >= each.nextTalk) {
            each.nextTalk = tick + how.talks[each.talk++ % how.talks.length]!;
            client.connection.alive();
            each.lastLife = tick;
          }
          if (pings(client) > 0 || client.transport.pings > each.transportPings)
            each.pongAt = tick + how.answersAfter;
          each.transportPings = client.transport.pings;
          if (tick >= each.pongAt) {
            each.pongAt = Number.POSITIVE_INFINITY;
            if (how.encoding === "lines") client.connection.receive("{}");
            else client.connection.alive();
            each.lastLife = tick;
          }
        }
        world.clock.advance(TICK_MS);
        for (const each of clients)
          if (each.client !== undefined && noPong(each.client)) each.closedAt ??= tick;
      }
      for (const { how, closedAt, lastLife } of clients) {
        if (how.diesAt === Number.POSITIVE_INFINITY) expect(closedAt).toBeUndefined();
        else if (how.diesAt > how.opensAt) {
          expect(closedAt).toBeDefined();
          expect((closedAt! - lastLife) * TICK_MS).toBeLessThanOrEqual(bound);
        }
      }
    }),
    { numRuns: 60 },
  );
});
