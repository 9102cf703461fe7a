import { disconnects } from "@holdfast/protocol";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type CoreWorld, type FakeClient, memoryWorld } from "../testing/core-world.js";
import { drainDeadlineMs } from "./drain.js";

const TICK_MS = 100;

interface Course {
  readonly world: CoreWorld;
  readonly clients: FakeClient[];
  /** Ms at which each client was told, and disconnected. */
  readonly told: Map<FakeClient, number>;
  readonly sent: Map<FakeClient, number>;
  readonly left: number[];
  doneAt: number | undefined;
  /** Lets time pass; a client that was disconnected goes. */
  pass(ms: number): Promise<void>;
}

function draining(count: number, windowMs: number): Course {
  const world = memoryWorld();
  const clients = Array.from({ length: count }, () => world.connected());
  const start = world.clock.monotonic();
  const now = (): number => world.clock.monotonic() - start;
  const course: Course = {
    world,
    clients,
    told: new Map(),
    sent: new Map(),
    left: [],
    doneAt: undefined,
    async pass(ms) {
      for (let at = 0; at < ms; at += TICK_MS) {
        await world.pass(TICK_MS);
        for (const client of clients) {
          for (const frame of client.take()) {
            if (frame.kind !== "push") continue;
            if (frame.op === "drain") course.told.set(client, now());
            if (frame.op === "disconnect") course.sent.set(client, now());
          }
          if (client.transport.end !== undefined) client.gone();
        }
      }
    },
  };
  world.core
    .drain({ windowMs, reason: "an update" }, (left) => course.left.push(left))
    .then(() => {
      course.doneAt = now();
    });
  return course;
}

describe("a drain", () => {
  test("tells each client when to return and why, then disconnects it", async () => {
    const world = memoryWorld();
    const client = world.connected();
    world.core.drain({ windowMs: 5_000, reason: "an update" });
    await world.pass(100);
    expect(client.take()).toEqual([
      { kind: "push", op: "drain", body: { reconnectAfter: 50, deadline: 1000, reason: "an update" } },
    ]);
    await world.pass(900);
    expect(client.transport.end).toBeUndefined();
    await world.pass(100);
    expect(client.take()).toMatchObject([{ op: "disconnect", body: { code: 3000, reconnect: true } }]);
    expect(client.transport.end).toEqual({ by: "close", code: 3000, reason: "drain" });
  });

  test("spreads the notices over the window, and disconnects in the same order after the grace", async () => {
    const course = draining(1000, 10_000);
    await course.pass(12_000);
    const told = course.clients.map((client) => course.told.get(client) ?? Number.NaN);
    const sent = course.clients.map((client) => course.sent.get(client) ?? Number.NaN);
    expect(told[0]).toBe(100);
    expect(told[999]).toBe(10_000);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
    for (let at = 100; at <= 10_000; at += 100) expect(told.filter((each) => each === at)).toHaveLength(10);
    expect(sent).toEqual(told.map((at) => at + 1000));
    expect(course.doneAt).toBe(11_100);
  });

  test("reports how many are left, down to none", async () => {
    const course = draining(100, 2_000);
    await course.pass(4_000);
    expect(course.left[0]).toBe(100);
    expect(course.left).toEqual(course.left.toSorted((a, b) => b - a));
    expect(course.left.at(-1)).toBe(0);
  });

  test("a few clients are not kept for the whole window", async () => {
    const course = draining(3, 60_000);
    await course.pass(2_000);
    expect(course.doneAt).toBeLessThanOrEqual(1_500);
  });

  test("with a window of zero tells all clients at once, and still leaves a moment's grace", async () => {
    const course = draining(500, 0);
    await course.pass(100);
    expect(course.told.size).toBe(500);
    expect(course.sent.size).toBe(0);
    await course.pass(200);
    expect(course.sent.size).toBe(500);
    expect(course.doneAt).toBe(300);
  });

  test("with no client to send away is done at once", async () => {
    const course = draining(0, 60_000);
    await course.pass(100);
    expect(course.doneAt).toBe(100);
  });

  test("is done as soon as all clients are gone, though the window is not over", async () => {
    const course = draining(1000, 60_000);
    await course.pass(1_000);
    for (const client of course.clients) client.gone();
    await course.pass(100);
    expect(course.doneAt).toBe(1_100);
    await course.pass(5_000);
    expect(course.sent.size).toBe(0);
  });

  test("passes over clients that leave by themselves on the way", async () => {
    const course = draining(100, 2_000);
    await course.pass(500);
    for (let i = 0; i < 100; i += 2) course.clients[i]!.gone();
    await course.pass(3_000);
    expect(course.sent.size).toBe(50);
    expect(course.doneAt).toBeDefined();
    expect(course.world.metrics.count("connections_closed")).toBe(100);
  });

  test("waits for the transports, not only for the goodbyes", async () => {
    const world = memoryWorld();
    const client = world.connected();
    let done = false;
    world.core.drain({ windowMs: 0, reason: "x" }).then(() => {
      done = true;
    });
    await world.pass(10_000);
    expect(client.transport.end).toBeDefined();
    expect(done).toBe(false);
    client.gone();
    await world.pass(100);
    expect(done).toBe(true);
    // The ticker has let go of it.
    const { timers } = world.clock;
    await world.core.close();
    expect(world.clock.timers).toBe(timers - 1);
  });

  test("sends a connection away that comes meanwhile, and waits for its end", async () => {
    const course = draining(1, 0);
    const late = course.world.client("objects", ["news"]);
    expect(course.world.core.admit()).toMatchObject({ name: "unavailable" });
    expect(late.take()).toMatchObject([{ op: "disconnect", body: { code: disconnects.drain.code } }]);
    await course.pass(1_000);
    expect(course.doneAt).toBeUndefined();
    expect(course.world.core.topics).toBe(0);
    late.gone();
    await course.pass(100);
    expect(course.doneAt).toBeDefined();
  });

  test("asked for again is the same drain", async () => {
    const world = memoryWorld();
    const client = world.connected();
    const drains = [
      world.core.drain({ windowMs: 1_000, reason: "x" }),
      world.core.drain({ windowMs: 0, reason: "y" }),
    ];
    await world.pass(1_000);
    expect(client.transport.end).toBeUndefined();
    client.gone();
    await world.pass(100);
    await Promise.all(drains);
  });

  test("ends when core is closed: no caller waits for a clock that stands", async () => {
    const world = memoryWorld();
    const clients = Array.from({ length: 10 }, () => world.connected());
    const drained = world.core.drain({ windowMs: 60_000, reason: "x" });
    await world.pass(300);
    await world.core.close();
    await drained;
    for (const client of clients) expect(client.transport.end).toMatchObject({ reason: "drain" });
  });

  test("a loop that was blocked catches up by the clock", async () => {
    const course = draining(1000, 10_000);
    await course.pass(1_000);
    expect(course.told.size).toBe(100);
    course.world.clock.spend(4_000);
    await course.pass(100);
    expect(course.told.size).toBe(510);
    await course.pass(4_900);
    expect(course.told.size).toBe(1000);
  });

  test("a loop that was blocked over the deadline tells and disconnects all clients at its first tick", async () => {
    const course = draining(1000, 10_000);
    course.world.clock.spend(drainDeadlineMs(10_000));
    await course.pass(100);
    expect(course.told.size).toBe(1000);
    expect(course.sent.size).toBe(1000);
  });

  test("what was told late in one go returns one by one all the same", () => {
    const { world, clients } = draining(100, 10_000);
    world.clock.spend(5_000);
    world.clock.advance(50);
    const returns = clients.flatMap((client) =>
      client.take().flatMap((frame) => (frame.kind === "push" && frame.op === "drain" ? [frame.body] : [])),
    ) as unknown as { reconnectAfter: number }[];
    expect(returns).toHaveLength(50);
    expect(returns.map(({ reconnectAfter }) => reconnectAfter)).toEqual(
      returns.map((_, place) => place * 100 + 50),
    );
  });

  test("with a rate that the window is too short for, later clients stay away longer", async () => {
    const world = memoryWorld();
    const clients = Array.from({ length: 100 }, () => world.connected());
    world.core.drain({ windowMs: 1_000, reason: "an update", ratePerSecond: 20 });
    await world.pass(1_000);
    const last = clients[99]!.take()[0] as unknown as { body: { reconnectAfter: number } };
    // The hundredth of 20 a second, told at 1 s.
    expect(last.body.reconnectAfter).toBeGreaterThan(3_900);
    expect(last.body.reconnectAfter).toBeLessThan(4_200);
  });

  test("tells each once, disconnects each once, keeps the deadline and the rate, however late its ticks", async () => {
    const lateness = fc.array(fc.integer({ min: 0, max: 900 }), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 120 }),
        fc.integer({ min: 0, max: 5_000 }),
        fc.option(fc.integer({ min: 1, max: 200 }), { nil: undefined }),
        lateness,
        async (count, windowMs, ratePerSecond, late) => {
          const { world, told, sent, returns } = await ran(count, windowMs, ratePerSecond, late);
          expect(told).toHaveLength(count);
          expect(sent).toEqual(told);
          expect(world.core.connections).toBe(0);
          const everyMs = Math.min(100, Math.max(windowMs, 1000) / count);
          const perSecond = 1000 / Math.max(everyMs, 1000 / (ratePerSecond ?? Number.POSITIVE_INFINITY));
          for (const from of returns) {
            const within = returns.filter((at) => at >= from && at < from + 1000).length;
            // Each has a place of its own; a second may cut the first and the last.
            expect(within).toBeLessThanOrEqual(Math.ceil(perSecond) + 2);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

/**
 * A drain to its deadline with ticks as late as said; clients by number, in the order in which they heard.
 */
async function ran(
  count: number,
  windowMs: number,
  ratePerSecond: number | undefined,
  lateness: readonly number[],
) {
  const world = memoryWorld();
  const clients = Array.from({ length: count }, () => world.connected());
  const start = world.clock.monotonic();
  const now = (): number => world.clock.monotonic() - start;
  const told: number[] = [];
  const sent: number[] = [];
  const returns: number[] = [];
  // In the turn itself: a late tick is not at the time that the clock stops at.
  const read = (): void => {
    for (const [number, client] of clients.entries()) {
      for (const frame of client.take()) {
        if (frame.kind !== "push") continue;
        if (frame.op === "disconnect") sent.push(number);
        if (frame.op !== "drain") continue;
        told.push(number);
        returns.push(now() + (frame.body as { reconnectAfter: number }).reconnectAfter);
      }
    }
  };
  const rate = ratePerSecond === undefined ? {} : { ratePerSecond };
  world.core.drain({ windowMs, reason: "an update", ...rate }, read);
  // The first tick after the deadline included.
  for (const late = [...lateness]; now() < drainDeadlineMs(windowMs) + TICK_MS; ) {
    world.clock.spend(late.shift() ?? 0);
    await world.pass(TICK_MS);
  }
  return { world, told, sent, returns };
}
