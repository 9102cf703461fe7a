/**
 * A clock that stands still until a test moves it.
 *
 * Deterministic: timers run in the order of their time, then of their making; deferred work runs in the order
 * in which it was deferred, one turn of the event loop at a time. Nothing runs by itself.
 */
import type { Clock, Timer } from "../runtime/clock.js";

interface Entry {
  at: number;
  readonly order: number;
  /** 0 = once. */
  readonly intervalMs: number;
  readonly run: () => void;
}

export class FakeClock implements Clock {
  #startMs: number;
  readonly #timers = new Set<Entry>();
  #deferred: (() => void)[] = [];
  #elapsedMs = 0;
  #made = 0;

  /** `startMs`: the wall clock at the beginning, ms since 1970. */
  constructor(startMs = Date.UTC(2024, 0, 1)) {
    this.#startMs = startMs;
  }

  now(): number {
    return this.#startMs + this.#elapsedMs;
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  /** Sets the wall clock, as an operator or NTP does. Monotonic time and timers do not notice. */
  set(nowMs: number): void {
    this.#startMs = nowMs - this.#elapsedMs;
  }

  after(delayMs: number, run: () => void): Timer {
    return this.#add(delayMs, 0, run);
  }

  every(intervalMs: number, run: () => void): Timer {
    if (!(intervalMs > 0)) throw new RangeError(`an interval of ${intervalMs} ms never ends`);
    return this.#add(intervalMs, intervalMs, run);
  }

  /** At once: a test sees what is said as it is said. */
  soon(run: () => void): void {
    run();
  }

  defer(run: () => void): void {
    this.#deferred.push(run);
  }

  /** Timers that are armed. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Deferred work that waits. */
  get deferred(): number {
    return this.#deferred.length;
  }

  /**
   * Lets time pass, running what is due at its own time, with the deferred work before and after each timer.
   */
  advance(ms: number): void {
    const target = this.#elapsedMs + ms;
    this.#runAllDeferred();
    for (let next = this.#next(target); next !== undefined; next = this.#next(target)) {
      // Work that took time of its own may have made a timer late.
      this.#elapsedMs = Math.max(this.#elapsedMs, next.at);
      if (next.intervalMs === 0) this.#timers.delete(next);
      else next.at += next.intervalMs;
      next.run();
      this.#runAllDeferred();
    }
    this.#elapsedMs = Math.max(this.#elapsedMs, target);
  }

  /**
   * One turn of the event loop: runs what is deferred now, not what that defers. Returns how much there was.
   */
  runDeferred(): number {
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const run of deferred) run();
    return deferred.length;
  }

  /** Work takes time: the clock moves and nothing runs. For code that measures itself. */
  spend(ms: number): void {
    this.#elapsedMs += ms;
  }

  /** Runs promises and deferred work, in turns, until neither is left. Time stands still. */
  async settle(): Promise<void> {
    do await runPromises();
    while (this.runDeferred() > 0);
  }

  #add(delayMs: number, intervalMs: number, run: () => void): Timer {
    const entry = { at: this.#elapsedMs + Math.max(0, delayMs), order: this.#made++, intervalMs, run };
    this.#timers.add(entry);
    return { cancel: () => this.#timers.delete(entry) };
  }

  #next(target: number): Entry | undefined {
    let next: Entry | undefined;
    for (const entry of this.#timers) {
      if (entry.at > target) continue;
      if (next === undefined || entry.at < next.at || (entry.at === next.at && entry.order < next.order))
        next = entry;
    }
    return next;
  }

  #runAllDeferred(): void {
    while (this.runDeferred() > 0);
  }
}

/** Resolves when no promise can go on without something from outside. */
export function runPromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
