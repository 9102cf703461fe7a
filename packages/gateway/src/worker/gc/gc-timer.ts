/**
 * Collects garbage on a timer, politely: one worker of an instance at a time, where enough would be found
 * (`GarbageEstimate`), and while the loop has little to do.
 *
 * A forced full collection stops the worker for about 2 µs per connection held, at a moment of our choice
 * instead of V8's. Under load V8 chooses better: it marks beside the program and in steps, and it collects by
 * itself what a busy loop allocates. The timer is for the garbage of a loop that has become quiet, which V8
 * would leave. The primary gives the turns; this side wishes, waits, collects and says so.
 * Invariants: every turn that comes is answered by `done`, also one that was not asked for, or no other
 * worker would ever get one; a loop that stays busy for `MAX_LOOKS` × `LOOK_MS` is left to V8 until the next
 * interval.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Clock, Timer } from "@holdfast/core";

const JITTER = 0.1;
/**
 * How long the loop is watched before a collection, ms; at most an interval. V8 gives room for young objects
 * back only where the last 5 s allocated little (ADR 0067).
 */
const LOOK_MS = 5_500;
const MAX_LOOKS = 2;
/**
 * Above this share of working time the loop is busy: messages flow, and those that come meanwhile wait for
 * the pause. A thousand messages a second from another instance are a seventh; the pings of 18,000 silent
 * connections are a fiftieth or less (docs/adr/0071-collections-and-messages.md).
 */
const BUSY_UTILIZATION = 0.05;
/** Of the first interval, before which there is no collection. */
const EARLIEST = 0.3;
/** Multiples of it, modulo 1, spread any number of slots evenly. */
const GOLDEN_RATIO = 0.618_033_988_75;

export type SkipReason = "little" | "busy";

export interface GcTimerParts {
  readonly clock: Clock;
  /** Time between collections, ms. */
  readonly intervalMs: number;
  readonly slot: number;
  /** In [0, 1). */
  readonly random: () => number;
  /** The share of time since the last call in which the loop worked, 0–1. */
  readonly takeUtilization: () => number;
  /** Whether a collection would find enough. */
  readonly isWorthIt: () => boolean;
  /** Told of each collection that was left out: it would find too little, or the loop stayed busy. */
  readonly skipped: (reason: SkipReason) => void;
  /** Asks the primary for a turn. */
  readonly wish: () => void;
  /** Collects, and returns when it is over. */
  readonly collect: () => void;
  /** Gives the turn back. */
  readonly done: () => void;
}

type State =
  | { readonly t: "waiting"; readonly timer: Timer }
  | { readonly t: "looking"; readonly timer: Timer }
  /** Until the primary gives the turn. */
  | { readonly t: "wishing" }
  | { readonly t: "closed" };

export class GcTimer {
  readonly #parts: GcTimerParts;
  #state: State;

  /**
   * The first collection comes within one interval, at a place in it that depends on the slot. Not in its
   * beginning, when the start has just allocated.
   */
  constructor(parts: GcTimerParts) {
    this.#parts = parts;
    const place = (1 + parts.slot * GOLDEN_RATIO) % 1;
    this.#state = this.#wait(parts.intervalMs * (EARLIEST + (1 - EARLIEST) * place));
  }

  /** The primary gave this worker its turn. */
  turn(): void {
    const { collect, done } = this.#parts;
    if (this.#state.t === "wishing") {
      collect();
      this.#state = this.#next();
    }
    done();
  }

  /** Idempotent. */
  close(): void {
    if (this.#state.t === "waiting" || this.#state.t === "looking") this.#state.timer.cancel();
    this.#state = { t: "closed" };
  }

  #next(): State {
    const { intervalMs, random } = this.#parts;
    return this.#wait(intervalMs * (1 - JITTER + 2 * JITTER * random()));
  }

  #wait(delayMs: number): State {
    // One look before it is due.
    const timer = this.#parts.clock.after(Math.max(0, delayMs - this.#lookMs), () => this.#look(1));
    return { t: "waiting", timer };
  }

  #look(nth: number): void {
    this.#parts.takeUtilization();
    const timer = this.#parts.clock.after(this.#lookMs, () => this.#due(nth));
    this.#state = { t: "looking", timer };
  }

  get #lookMs(): number {
    return Math.min(LOOK_MS, this.#parts.intervalMs);
  }

  #skip(reason: SkipReason): void {
    this.#parts.skipped(reason);
    this.#state = this.#next();
  }

  #due(nth: number): void {
    if (this.#parts.takeUtilization() > BUSY_UTILIZATION) {
      if (nth < MAX_LOOKS) this.#look(nth + 1);
      else this.#skip("busy");
      return;
    }
    if (!this.#parts.isWorthIt()) return this.#skip("little");
    this.#state = { t: "wishing" };
    this.#parts.wish();
  }
}

/** V8's full collection, without a command-line flag: contexts made after the flag was set have it. */
export function fullCollection(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}
