/**
 * The clock seam: time and timers as a parameter, so that tests and the simulator own them.
 */
import { type Rest, type Timer, TimerGrid } from "./timer-grid.js";

export type { Rest, Timer };

export interface Clock {
  /** Wall clock, ms since 1970. For what leaves the process. */
  now(): number;
  /** Monotonic, ms from an arbitrary start, with fractions. For measuring. */
  monotonic(): number;
  /** Calls `run` once after `delayMs`. Does not keep the process alive. */
  after(delayMs: number, run: () => void): Timer;
  /**
   * Calls `run` every `intervalMs`; the first call may come sooner. Does not keep the process alive. All such
   * timers of a process fire on one grid, so that an idle process wakes up once for many of them.
   */
  every(intervalMs: number, run: () => void): Timer;
  /** Lets these timers rest while the process is idle. Left out by clocks whose timers never do. */
  readonly rest?: Rest;
  /** Calls `run` behind the code that runs now: before any other callback of the event loop. */
  soon(run: () => void): void;
  /** Calls `run` after the I/O that is ready now, before anything that comes later. */
  defer(run: () => void): void;
}

/** The clock of the running process. */
export const systemClock: Clock = Object.freeze(clockOn(new TimerGrid()));

function clockOn(grid: TimerGrid): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    after(delayMs: number, run: () => void): Timer {
      const timer = setTimeout(run, delayMs).unref();
      return { cancel: () => clearTimeout(timer) };
    },
    every: (intervalMs: number, run: () => void) => grid.every(intervalMs, run),
    rest: grid,
    soon(run: () => void): void {
      process.nextTick(run);
    },
    defer(run: () => void): void {
      setImmediate(run);
    },
  };
}
