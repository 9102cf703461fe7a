/**
 * The clock seam: time and timers as a parameter, so that tests own them.
 *
 * A subset of the server's clock, so that one double serves both. Timers keep a Node.js process alive: a
 * client that waits for its next attempt is work, not idleness.
 */

export interface Timer {
  /** Stops the timer. Idempotent. */
  cancel(): void;
}

export interface Clock {
  /** Wall clock, ms since 1970. Only for what is shown to people. */
  now(): number;
  /** Monotonic, ms from an arbitrary start. For measuring. */
  monotonic(): number;
  /** Calls `run` once after `delayMs`, which is at most 2^31 - 1. */
  after(delayMs: number, run: () => void): Timer;
}

/** The clock of the page or process. */
export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs: number, run: () => void): Timer {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
});
