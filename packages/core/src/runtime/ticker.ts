/**
 * The ticker: the one timer of a worker's core. It counts ticks and calls every part that is registered.
 *
 * Per-connection time (last sign of life, rate credit) is kept as a tick number, a small integer, instead of
 * a timer or a date. Invariant: `tick` only grows, by one each TICK_MS of a loop that is not blocked; at rest
 * (timer-grid.ts) by as many at once as have passed.
 */
import type { Clock, Timer } from "./clock.js";

export const TICK_MS = 100;

/** Milliseconds as ticks, at least one. */
export function ticks(ms: number): number {
  return Math.max(1, Math.round(ms / TICK_MS));
}

export class Ticker {
  /** Starts at 1, so that 0 can mean "never". */
  tick = 1;
  readonly #clock: Clock;
  readonly #turns = new Set<() => void>();
  #timer: Timer | undefined;
  /** Of the last tick, monotonic ms. */
  #lastMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `turn` on every tick until the returned function is called. */
  add(turn: () => void): () => void {
    this.#turns.add(turn);
    return () => this.#turns.delete(turn);
  }

  start(): void {
    this.#lastMs = this.#clock.monotonic();
    this.#timer ??= this.#clock.every(TICK_MS, () => {
      this.tick += this.#passed();
      for (const turn of this.#turns) turn();
    });
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
  #passed(): number {
    const now = this.#clock.monotonic();
    const passedMs = now - this.#lastMs;
    this.#lastMs = now;
    return this.#clock.rest?.wasResting === true ? Math.max(1, Math.floor(passedMs / TICK_MS)) : 1;
  }
}
