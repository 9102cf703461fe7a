/**
 * A clock that stands still until a test moves it. Timers run in the order of their times; promises settle in
 * between.
 */
import type { Clock, Timer } from "../clock.js";

interface Armed {
  readonly at: number;
  readonly run: () => void;
}

export class FakeClock implements Clock {
  readonly #armed = new Set<Armed>();
  #elapsed = 0;

  /** Timers that have neither run nor been cancelled. */
  get timers(): number {
    return this.#armed.size;
  }

  now(): number {
    return 1_700_000_000_000 + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  after(delayMs: number, run: () => void): Timer {
    const armed = { at: this.#elapsed + delayMs, run };
    this.#armed.add(armed);
    return { cancel: () => void this.#armed.delete(armed) };
  }

  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    for (;;) {
      await settled();
      const next = [...this.#armed].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#armed.delete(next);
      this.#elapsed = Math.max(this.#elapsed, next.at);
      next.run();
    }
    this.#elapsed = end;
  }
}

/** Lets every promise that can settle do so. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}
