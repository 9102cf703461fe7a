/**
 * The timer grid: all timers of a process that repeat, on one timer of Node.
 *
 * A dozen parts look after something each second or so. With a timer each they wake an idle process at a
 * dozen different moments, and waking up costs more than the looking. Here a timer fires at multiples of
 * its interval, so that those which are due at the same time share one wake-up. Invariants: Node has at
 * most one timer of the grid; a timer that was cancelled does not fire any more, not even in the turn
 * that is under way.
 */
export interface Timer {
  /** Stops the timer. Idempotent. */
  cancel(): void;
}

/** Node's timers count whole ms: one that is due so soon is due now. */
const SLACK_MS = 1;

interface Repeating {
  readonly intervalMs: number;
  readonly run: () => void;
  /** Monotonic ms. */
  next: number;
}

export class TimerGrid {
  readonly #timers = new Set<Repeating>();
  #armed: { readonly at: number; readonly timer: NodeJS.Timeout } | undefined;

  /** Calls `run` at every multiple of `intervalMs`, at least 1, of the monotonic clock. */
  every(intervalMs: number, run: () => void): Timer {
    const repeating = { intervalMs, run, next: nextMultiple(intervalMs, performance.now()) };
    this.#timers.add(repeating);
    this.#arm();
    return {
      cancel: () => {
        this.#timers.delete(repeating);
        if (this.#timers.size === 0) this.#disarm();
      },
    };
  }

  #fire(): void {
    this.#armed = undefined;
    const now = performance.now() + SLACK_MS;
    const due = [...this.#timers].filter(({ next }) => next <= now);
    for (const each of due) each.next = nextMultiple(each.intervalMs, now);
    // First, so that the others go on where one throws.
    this.#arm();
    for (const each of due) if (this.#timers.has(each)) each.run();
  }

  #arm(): void {
    let at = Number.POSITIVE_INFINITY;
    for (const { next } of this.#timers) at = Math.min(at, next);
    if (at === Number.POSITIVE_INFINITY || (this.#armed !== undefined && this.#armed.at <= at)) return;
    this.#disarm();
    const delayMs = Math.max(1, Math.ceil(at - performance.now()));
    this.#armed = { at, timer: setTimeout(() => this.#fire(), delayMs).unref() };
  }

  #disarm(): void {
    clearTimeout(this.#armed?.timer);
    this.#armed = undefined;
  }
}

/** The first multiple after `now`. */
export function nextMultiple(intervalMs: number, now: number): number {
  return (Math.floor(now / intervalMs) + 1) * intervalMs;
}
