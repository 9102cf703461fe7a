/**
 * The timer grid: all timers of a process that repeat, on one timer of Node.
 *
 * A dozen parts look after something each second or so. With a timer each they wake an idle process at a
 * dozen different moments, and waking up costs more than the looking. Here a timer fires at multiples of
 * its interval, so that those which are due at the same time share one wake-up. Invariants: Node has at
 * most one timer of the grid; a timer that was cancelled does not fire any more, not even in the turn
 * that is under way.
 *
 *     awake ──nothing waits, for `AWAKE_MS`──► resting ──wake, or a new timer──► awake
 *
 * At rest all timers fire at whole seconds alone, once each: an idle process wakes up once a second. What was
 * due when it wakes fires before anything else happens.
 */
export interface Timer {
  /** Stops the timer. Idempotent. */
  cancel(): void;
}

/** Whether the timers of a process fire less often while it has nothing to do. */
export interface Rest {
  /** Of the timers that fire now: whether they are late because the process was at rest. */
  readonly wasResting: boolean;
  /** It may rest from now on while `isIdle` says that nothing waits for its timers. */
  while(isIdle: () => boolean): void;
  /** Something begins to wait: what is due fires at once, and the others in time. Cheap while awake. */
  wake(): void;
}

/** How long no connection or socket has come before it rests: whatever is short is over then. */
const AWAKE_MS = 2_000;
/** Between two wake-ups at rest. */
const REST_MS = 1_000;
/** Node's timers count whole ms: one that is due so soon is due now. */
const SLACK_MS = 1;

interface Repeating {
  readonly intervalMs: number;
  readonly run: () => void;
  /** Monotonic ms. */
  next: number;
}

export class TimerGrid implements Rest {
  readonly #timers = new Set<Repeating>();
  #armed: { readonly at: number; readonly timer: NodeJS.Timeout } | undefined;
  #isIdle: () => boolean = () => false;
  #state: "awake" | "resting" = "awake";
  #wasResting = false;
  /** Monotonic ms. */
  #awakeUntil = 0;

  get wasResting(): boolean {
    return this.#wasResting;
  }

  while(isIdle: () => boolean): void {
    this.#isIdle = isIdle;
  }

  wake(): void {
    this.#awakeUntil = performance.now() + AWAKE_MS;
    if (this.#state === "awake") return;
    this.#disarm();
    this.#fire();
  }

  /** Calls `run` at every multiple of `intervalMs`, at least 1, of the monotonic clock. */
  every(intervalMs: number, run: () => void): Timer {
    this.wake();
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
    const wasResting = this.#state === "resting";
    this.#state = now >= this.#awakeUntil && this.#isIdle() ? "resting" : "awake";
    // First, so that the others go on where one throws.
    this.#arm();
    for (const each of due) {
      // One that ran before may have woken the grid.
      this.#wasResting = wasResting;
      if (this.#timers.has(each)) each.run();
    }
  }

  #arm(): void {
    let at = Number.POSITIVE_INFINITY;
    for (const { next } of this.#timers) at = Math.min(at, next);
    if (this.#state === "resting") at = Math.ceil(at / REST_MS) * REST_MS;
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
