/**
 * A clock that stands still until a test moves it.
 */
import type { Clock, Timer } from "@holdfast/core";

interface Armed {
  at: number;
  /** Undefined: once. */
  readonly everyMs: number | undefined;
  readonly run: () => void;
}

export class FakeClock implements Clock {
  readonly #armed = new Set<Armed>();
  #elapsedMs = 0;

  /** Timers that are still to run. */
  get timers(): number {
    return this.#armed.size;
  }

  now(): number {
    return 1_700_000_000_000 + this.#elapsedMs;
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  after(delayMs: number, run: () => void): Timer {
    return this.#arm({ at: this.#elapsedMs + delayMs, everyMs: undefined, run });
  }

  every(intervalMs: number, run: () => void): Timer {
    return this.#arm({ at: this.#elapsedMs + intervalMs, everyMs: intervalMs, run });
  }

  defer(run: () => void): void {
    queueMicrotask(run);
  }

  /** Runs what is due on the way, in the order of its time. */
  advance(ms: number): void {
    const end = this.#elapsedMs + ms;
    for (;;) {
      const next = [...this.#armed].sort((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > end) break;
      this.#elapsedMs = next.at;
      if (next.everyMs === undefined) this.#armed.delete(next);
      else next.at += next.everyMs;
      next.run();
    }
    this.#elapsedMs = end;
  }

  #arm(armed: Armed): Timer {
    this.#armed.add(armed);
    return { cancel: () => void this.#armed.delete(armed) };
  }
}
