import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import type { Clock } from "./clock.js";
import { Ticker } from "./ticker.js";
import { TimerGrid } from "./timer-grid.js";

describe("the ticker", () => {
  beforeEach(() => {
    jest.useFakeTimers({ now: 0 });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  function ticking() {
    const grid = new TimerGrid();
    const clock = {
      monotonic: () => performance.now(),
      every: (ms: number, run: () => void) => grid.every(ms, run),
      rest: grid,
    } as unknown as Clock;
    const ticker = new Ticker(clock);
    let turns = 0;
    ticker.add(() => turns++);
    ticker.start();
    return { grid, ticker, turns: () => turns };
  }

  test("at rest one turn counts all ticks that have passed", () => {
    const { grid, ticker, turns } = ticking();
    grid.while(() => true);
    jest.advanceTimersByTime(60_000);
    expect(Math.abs(ticker.tick - 600)).toBeLessThanOrEqual(2);
    // Two seconds awake, the rest of the time once a second.
    expect(turns()).toBeLessThanOrEqual(85);
  });

  test("in a quiet process each tick has its turn, with its own number, though they come five at a time", () => {
    const { grid, ticker } = ticking();
    grid.quietWhile(() => true);
    const seen: number[] = [];
    const moments = new Set<number>();
    ticker.add(() => {
      seen.push(ticker.tick);
      moments.add(Math.round(performance.now()));
    });
    jest.advanceTimersByTime(62_000);
    expect(Math.abs(seen.length - 620)).toBeLessThanOrEqual(5);
    expect(seen).toEqual(seen.map((_, i) => (seen[0] as number) + i));
    expect(moments.size).toBeLessThanOrEqual(145);
  });

  test("one that is woken again and again counts no tick twice and leaves none out", () => {
    const { grid, ticker } = ticking();
    grid.quietWhile(() => true);
    for (let i = 0; i < 20; i++) {
      jest.advanceTimersByTime(2_730);
      grid.wake();
    }
    jest.advanceTimersByTime(1_000);
    expect(Math.abs(ticker.tick - 556)).toBeLessThanOrEqual(3);
  });

  test("a loop that was blocked while it was quiet makes no client silent", () => {
    let now = 0;
    const timers: (() => void)[] = [];
    const rest = { wasResting: false, wasQuiet: true };
    const clock = { monotonic: () => now, every: (_: number, run: () => void) => timers.push(run), rest };
    const ticker = new Ticker(clock as unknown as Clock);
    ticker.start();
    now = 30_000;
    timers[0]?.();
    expect(ticker.tick).toBe(6);
  });

  test("when it wakes, the tick is that of now", () => {
    const { grid, ticker } = ticking();
    grid.while(() => true);
    jest.advanceTimersByTime(10_650);
    const asleep = ticker.tick;
    grid.wake();
    expect(ticker.tick).toBeGreaterThan(asleep + 3);
    expect(Math.abs(ticker.tick - 106)).toBeLessThanOrEqual(2);
  });
});
