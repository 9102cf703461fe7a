import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import { watchGcPauses } from "./gc-pauses.js";
import { fullCollection, GcTimer } from "./gc-timer.js";

/** When the first slot's first collection is due. */
const FIRST_MS = 9_000;

function setUp(slot = 0, utilization = 0) {
  const clock = new FakeClock();
  const events: string[] = [];
  const world = { utilization, isWorthIt: true, looksMs: [] as number[] };
  const timer = new GcTimer({
    clock,
    intervalMs: 30_000,
    slot,
    random: () => 0.5,
    takeUtilization: () => {
      world.looksMs.push(clock.now());
      return world.utilization;
    },
    isWorthIt: () => world.isWorthIt,
    skipped: (reason) => events.push(reason),
    wish: () => events.push("wish"),
    collect: () => events.push("collect"),
    done: () => events.push("done"),
  });
  return { clock, events, timer, world };
}

describe("the collection timer", () => {
  it("wishes, collects in its turn, says so, and begins anew", () => {
    const { clock, events, timer } = setUp();
    clock.advance(FIRST_MS);
    expect(events).toEqual(["wish"]);
    clock.advance(300_000);
    expect(events).toEqual(["wish"]);
    timer.turn();
    expect(events).toEqual(["wish", "collect", "done"]);
    clock.advance(29_999);
    expect(events).toHaveLength(3);
    clock.advance(1);
    expect(events).toEqual(["wish", "collect", "done", "wish"]);
  });

  it("begins at another moment in each slot, within one interval", () => {
    const moments = Array.from({ length: 8 }, (_, slot) => {
      const { clock, events } = setUp(slot);
      let ms = 0;
      for (; events.length === 0 && ms <= 40_000; ms += 100) clock.advance(100);
      return ms;
    });
    expect(new Set(moments).size).toBe(8);
    expect(Math.min(...moments)).toBeGreaterThanOrEqual(FIRST_MS);
    expect(Math.max(...moments)).toBeLessThanOrEqual(30_100);
  });

  it("leaves a loop that stays busy to V8, and looks again an interval later", () => {
    const { clock, events, world } = setUp(0, 0.06);
    clock.advance(FIRST_MS + 5_400);
    expect(events).toEqual([]);
    clock.advance(100);
    expect(events).toEqual(["busy"]);
    world.utilization = 0.04;
    clock.advance(29_900);
    expect(events).toEqual(["busy"]);
    clock.advance(100);
    expect(events).toEqual(["busy", "wish"]);
  });

  it("leaves out what would find too little, and looks again an interval later", () => {
    const { clock, events, world } = setUp();
    world.isWorthIt = false;
    clock.advance(FIRST_MS);
    expect(events).toEqual(["little"]);
    clock.advance(29_999);
    expect(events).toEqual(["little"]);
    world.isWorthIt = true;
    clock.advance(1);
    expect(events).toEqual(["little", "wish"]);
  });

  it("goes on where the next look finds the loop free", () => {
    const { clock, events, world } = setUp(0, 0.95);
    clock.advance(FIRST_MS + 2_000);
    world.utilization = 0.04;
    clock.advance(3_500);
    expect(events).toEqual(["wish"]);
  });

  it("watches the loop for the whole of the 5 s that V8 wants quiet", () => {
    const { clock, world } = setUp();
    clock.advance(FIRST_MS);
    const [first = 0, last = 0] = world.looksMs;
    expect(last - first).toBeGreaterThan(5_000);
  });

  it("gives back a turn that it did not ask for", () => {
    const { events, timer } = setUp();
    timer.turn();
    expect(events).toEqual(["done"]);
  });

  it("has no timer once closed, whatever it was doing", () => {
    for (const elapsed of [0, FIRST_MS - 400, FIRST_MS]) {
      const { clock, timer } = setUp();
      clock.advance(elapsed);
      timer.close();
      expect(clock.timers).toBe(0);
    }
  });
});

describe("a forced collection", () => {
  it("needs no flag, and is seen as a major one", async () => {
    const seen = new Promise<number>((resolve) => {
      const stop = watchGcPauses((kind, seconds) => {
        if (kind !== "major") return;
        stop();
        resolve(seconds);
      });
    });
    fullCollection()();
    expect(await seen).toBeGreaterThan(0);
  });
});
