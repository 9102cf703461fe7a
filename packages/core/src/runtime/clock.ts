/**
 * The clock seam: time and timers as a parameter, so that tests and the simulator own them.
 */

export interface Timer {
  /** Stops the timer. Idempotent. */
  cancel(): void;
}

export interface Clock {
  /** Wall clock, ms since 1970. For what leaves the process. */
  now(): number;
  /** Monotonic, ms from an arbitrary start, with fractions. For measuring. */
  monotonic(): number;
  /** Calls `run` once after `delayMs`. Does not keep the process alive. */
  after(delayMs: number, run: () => void): Timer;
  /** Calls `run` every `intervalMs`. Does not keep the process alive. */
  every(intervalMs: number, run: () => void): Timer;
  /** Calls `run` after the I/O that is ready now, before anything that comes later. */
  defer(run: () => void): void;
}

/** The clock of the running process. */
export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs: number, run: () => void): Timer {
    const timer = setTimeout(run, delayMs).unref();
    return { cancel: () => clearTimeout(timer) };
  },
  every(intervalMs: number, run: () => void): Timer {
    const timer = setInterval(run, intervalMs).unref();
    return { cancel: () => clearInterval(timer) };
  },
  defer(run: () => void): void {
    setImmediate(run);
  },
});
