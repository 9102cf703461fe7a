import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { nextMultiple, TimerGrid } from "./timer-grid.js";

describe("the timer grid", () => {
  beforeEach(() => {
    jest.useFakeTimers({ now: 0 });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  test("timers that begin at different moments fire together, at multiples of their interval", () => {
    const grid = new TimerGrid();
    const fired: string[] = [];
    const tell = (name: string) => (): unknown => fired.push(`${name} ${performance.now()}`);
    const origin = performance.now();
    jest.advanceTimersByTime(nextMultiple(2000, origin) - origin + 30);
    const base = performance.now() - 30;
    grid.every(200, tell("a"));
    jest.advanceTimersByTime(100);
    grid.every(200, tell("b"));
    grid.every(400, tell("c"));
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(300);
    expect(fired.map((each) => each.split(" ")[0])).toEqual(["a", "b", "a", "b", "c"]);
    expect(new Set(fired.map((each) => Number(each.split(" ")[1]) - base))).toEqual(new Set([200, 400]));
  });

  test("one that was cancelled fires no more, also by another in the same turn or by itself", () => {
    const grid = new TimerGrid();
    const fired: string[] = [];
    const first = grid.every(100, () => {
      fired.push("first");
      first.cancel();
      second.cancel();
    });
    const second = grid.every(100, () => fired.push("second"));
    jest.advanceTimersByTime(1000);
    expect(fired).toEqual(["first"]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test("one that throws does not hold up the others' next turn", () => {
    const grid = new TimerGrid();
    let fired = 0;
    grid.every(100, () => {
      throw new Error("broken");
    });
    grid.every(100, () => fired++);
    for (let i = 0; i < 3; i++) expect(() => jest.advanceTimersByTime(100)).toThrow("broken");
    jest.advanceTimersByTime(1);
    expect(jest.getTimerCount()).toBe(1);
  });

  describe("at rest", () => {
    /** A timer of 100 ms, on a grid that has begun to rest. */
    function resting() {
      let isIdle = true;
      const grid = new TimerGrid();
      const fired: { at: number; wasResting: boolean }[] = [];
      grid.every(100, () => fired.push({ at: performance.now(), wasResting: grid.wasResting }));
      grid.while(() => isIdle);
      jest.advanceTimersByTime(3_100);
      fired.length = 0;
      return { grid, fired, work: () => (isIdle = false) };
    }

    test("a timer fires at whole seconds alone, and knows that it is late", () => {
      const { fired } = resting();
      jest.advanceTimersByTime(5_000);
      expect(fired).toHaveLength(5);
      for (const { at, wasResting } of fired) {
        expect(Math.round(at) % 1_000).toBeLessThanOrEqual(1);
        expect(wasResting).toBe(true);
      }
    });

    test("what is due fires when it wakes, before anything else, and then in time", () => {
      const { grid, fired, work } = resting();
      jest.advanceTimersByTime(1_000 - (Math.round(performance.now()) % 1_000) + 550);
      fired.length = 0;
      work();
      grid.wake();
      expect(fired.map(({ wasResting }) => wasResting)).toEqual([true]);
      jest.advanceTimersByTime(1_000);
      expect(fired.length).toBeGreaterThanOrEqual(10);
      expect(fired.at(-1)?.wasResting).toBe(false);
    });

    test("it stays awake for two seconds after it was woken, and a new timer wakes it", () => {
      const { grid, fired } = resting();
      let ticks = 0;
      grid.every(20, () => ticks++);
      jest.advanceTimersByTime(1_500);
      expect(ticks).toBeGreaterThanOrEqual(74);
      jest.advanceTimersByTime(1_500);
      fired.length = 0;
      ticks = 0;
      jest.advanceTimersByTime(3_000);
      expect([fired.length, ticks]).toEqual([3, 3]);
    });

    test("while something waits it does not rest", () => {
      const { fired, work, grid } = resting();
      work();
      grid.wake();
      jest.advanceTimersByTime(5_000);
      fired.length = 0;
      jest.advanceTimersByTime(1_000);
      expect(fired.length).toBeGreaterThanOrEqual(9);
    });
  });

  describe("while it is quiet", () => {
    /** A timer of 100 ms, on a grid that has become quiet. */
    function quiet() {
      const world = { isQuiet: true, isIdle: false };
      const grid = new TimerGrid();
      const fired: { at: number; wasQuiet: boolean; wasResting: boolean; lateMs: number }[] = [];
      grid.every(100, () => {
        const { wasQuiet, wasResting, lateMs } = grid;
        fired.push({ at: performance.now(), wasQuiet, wasResting, lateMs });
      });
      grid.while(() => world.isIdle);
      grid.quietWhile(() => world.isQuiet);
      jest.advanceTimersByTime(3_100);
      fired.length = 0;
      return { grid, fired, world };
    }

    test("a timer fires at half seconds alone, and knows why", () => {
      const { fired } = quiet();
      jest.advanceTimersByTime(5_000);
      expect(fired).toHaveLength(10);
      for (const { at, wasQuiet, wasResting, lateMs } of fired) {
        expect(Math.round(at) % 500).toBeLessThanOrEqual(1);
        expect([wasQuiet, wasResting]).toEqual([true, false]);
        expect(lateMs).toBeLessThan(5);
      }
    });

    test("what is due fires when it wakes, and then in time for two seconds", () => {
      const { grid, fired } = quiet();
      jest.advanceTimersByTime(1_000 - (Math.round(performance.now()) % 1_000) + 250);
      fired.length = 0;
      grid.wake();
      expect(fired.map(({ wasQuiet, lateMs }) => [wasQuiet, lateMs])).toEqual([[true, 0]]);
      jest.advanceTimersByTime(1_900);
      expect(fired.length).toBeGreaterThanOrEqual(19);
      expect(fired.at(-1)?.wasQuiet).toBe(false);
      jest.advanceTimersByTime(1_000);
      fired.length = 0;
      jest.advanceTimersByTime(2_000);
      expect(fired).toHaveLength(4);
    });

    test("it stays awake while it is woken again and again", () => {
      const { grid, fired } = quiet();
      for (let i = 0; i < 20; i++) {
        grid.wake();
        jest.advanceTimersByTime(500);
      }
      expect(fired.length).toBeGreaterThanOrEqual(99);
    });

    test("a timer that wakes it is not called again in the same turn, and the others are", () => {
      const { grid, fired } = quiet();
      let wakes = 0;
      grid.every(100, () => {
        wakes++;
        grid.wake();
      });
      jest.advanceTimersByTime(4_000);
      expect(Math.abs(wakes - 40)).toBeLessThanOrEqual(1);
      expect(Math.abs(fired.length - 40)).toBeLessThanOrEqual(1);
    });

    test("it rests where nothing waits at all, and is awake where it is quiet no longer", () => {
      const { fired, world } = quiet();
      world.isIdle = true;
      jest.advanceTimersByTime(1_500);
      fired.length = 0;
      jest.advanceTimersByTime(4_000);
      expect(fired).toHaveLength(4);
      Object.assign(world, { isIdle: false, isQuiet: false });
      jest.advanceTimersByTime(1_100);
      fired.length = 0;
      jest.advanceTimersByTime(1_000);
      expect(fired.length).toBeGreaterThanOrEqual(9);
    });
  });

  test("property: each fires once for each multiple of its interval", () => {
    const timers = fc.array(fc.tuple(fc.integer({ min: 5, max: 2000 }), fc.nat(500)), { maxLength: 8 });
    fc.assert(
      fc.property(timers, (all) => {
        const grid = new TimerGrid();
        const counts = all.map(([interval, wait]) => {
          jest.advanceTimersByTime(wait);
          const timer = { interval, began: performance.now(), calls: 0, cancel: () => {} };
          timer.cancel = grid.every(interval, () => timer.calls++).cancel;
          return timer;
        });
        jest.advanceTimersByTime(5000);
        const end = performance.now();
        for (const { interval, began, calls, cancel } of counts) {
          cancel();
          const multiples = Math.floor(end / interval) - Math.floor(began / interval);
          expect(Math.abs(calls - multiples)).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 50 },
    );
  });
});
