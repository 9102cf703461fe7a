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
