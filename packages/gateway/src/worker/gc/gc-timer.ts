/**
 * Collects garbage on a timer, politely: one worker of an instance at a time, and not while the loop is busy.
 *
 * A forced full collection stops the worker for about 2 µs per connection held, at a moment of our choice
 * instead of V8's. The primary gives the turns; this side wishes, waits, collects and says so.
 * Invariant: every turn that comes is answered by `done`, also one that was not asked for, or no other worker
 * would ever get one. A loop that stays busy postpones a collection by `MAX_POSTPONEMENTS` × `POSTPONE_MS` at
 * most.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Clock, Timer } from "@holdfast/core";

const JITTER = 0.1;
const POSTPONE_MS = 500;
const MAX_POSTPONEMENTS = 20;
/** Above this share of working time the loop is busy. */
const BUSY_UTILIZATION = 0.7;
/** Multiples of it, modulo 1, spread any number of slots evenly. */
const GOLDEN_RATIO = 0.618_033_988_75;

export interface GcTimerParts {
  readonly clock: Clock;
  /** Time between collections, ms. */
  readonly intervalMs: number;
  readonly slot: number;
  /** In [0, 1). */
  readonly random: () => number;
  /** The share of time since the last call in which the loop worked, 0–1. */
  readonly takeUtilization: () => number;
  /** Asks the primary for a turn. */
  readonly wish: () => void;
  /** Collects, and returns when it is over. */
  readonly collect: () => void;
  /** Gives the turn back. */
  readonly done: () => void;
}

type State =
  | { readonly t: "waiting"; readonly timer: Timer }
  | { readonly t: "postponing"; readonly timer: Timer }
  /** Until the primary gives the turn. */
  | { readonly t: "wishing" }
  | { readonly t: "closed" };

export class GcTimer {
  readonly #parts: GcTimerParts;
  #state: State;

  /** The first collection comes within one interval, at a place in it that depends on the slot. */
  constructor(parts: GcTimerParts) {
    this.#parts = parts;
    const place = (1 + parts.slot * GOLDEN_RATIO) % 1;
    this.#state = this.#wait(parts.intervalMs * (0.1 + 0.9 * place));
  }

  /** The primary gave this worker its turn. */
  turn(): void {
    const { collect, done, intervalMs, random } = this.#parts;
    if (this.#state.t === "wishing") {
      collect();
      this.#state = this.#wait(intervalMs * (1 - JITTER + 2 * JITTER * random()));
    }
    done();
  }

  /** Idempotent. */
  close(): void {
    if (this.#state.t === "waiting" || this.#state.t === "postponing") this.#state.timer.cancel();
    this.#state = { t: "closed" };
  }

  #wait(delayMs: number): State {
    // One postponement before it is due, so that the look at the loop covers a short stretch and not the
    // interval.
    const timer = this.#parts.clock.after(Math.max(0, delayMs - POSTPONE_MS), () => this.#postpone(0));
    return { t: "waiting", timer };
  }

  #postpone(times: number): void {
    this.#parts.takeUtilization();
    const timer = this.#parts.clock.after(POSTPONE_MS, () => this.#due(times));
    this.#state = { t: "postponing", timer };
  }

  #due(times: number): void {
    if (times < MAX_POSTPONEMENTS && this.#parts.takeUtilization() > BUSY_UTILIZATION) {
      this.#postpone(times + 1);
      return;
    }
    this.#state = { t: "wishing" };
    this.#parts.wish();
  }
}

/** V8's full collection, without a command-line flag: contexts made after the flag was set have it. */
export function fullCollection(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}
