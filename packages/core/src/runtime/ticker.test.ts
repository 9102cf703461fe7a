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
