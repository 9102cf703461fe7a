/**
 * The ticker: the one timer of a worker's core. It counts ticks and calls every part that is registered.
 *
 * Per-connection time (last sign of life, rate credit) is kept as a tick number, a small integer, instead of
 * a timer or a date. Invariant: `tick` only grows, by one each TICK_MS of a loop that is not blocked. In a
 * quiet process (timer-grid.ts) the ticks that have passed follow one another at once, with a turn each; at
 * rest they are one turn.
 */
import type { Clock, Timer } from "./clock.js";
import { QUIET_MS } from "./timer-grid.js";

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
    this.#timer ??= this.#clock.every(TICK_MS, () => this.#go());
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #go(): void {
    const { rest } = this.#clock;
    const passed = this.#passed();
    if (rest?.wasResting === true) this.tick += passed - 1;
    // A loop that was blocked while it was quiet makes no client silent either.
    else if (rest?.wasQuiet === true)
      for (let more = Math.min(passed, QUIET_MS / TICK_MS) - 1; more > 0; more--) this.#turn();
    this.#turn();
  }

  #turn(): void {
    this.tick++;
    for (const turn of this.#turns) turn();
  }

  /** Multiples of TICK_MS since the last call, at least one: some ms late is in time. */
  #passed(): number {
    const before = this.#lastMs;
    this.#lastMs = this.#clock.monotonic();
    return Math.max(1, multiplesUntil(this.#lastMs) - multiplesUntil(before));
  }
}

/** A timer may come a ms too early. */
function multiplesUntil(ms: number): number {
  return Math.floor((ms + 1) / TICK_MS);
}
