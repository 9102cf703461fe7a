/**
 * The timer grid: all timers of a process that repeat, on one timer of Node.
 *
 * A dozen parts look after something each second or so. With a timer each they wake an idle process at a
 * dozen different moments, and waking up costs more than the looking. Here a timer fires at multiples of
 * its interval, so that those which are due at the same time share one wake-up. Invariants: Node has at
 * most one timer of the grid; a timer that was cancelled does not fire any more, not even in the turn
 * that is under way.
 *
 *     awake ──quiet for `AWAKE_MS`──► quiet ──nothing waits──► resting
 *       ▲──────── wake, or a new timer ──┴────────────────────────┘
 *
 * While it is quiet all timers fire at half seconds alone, at rest at whole seconds, once each: an idle
 * process wakes up once a second. What was due when it wakes fires before anything else happens.
 */
export interface Timer {
  /** Stops the timer. Idempotent. */
  cancel(): void;
}

/** Whether the timers of a process fire less often while it has nothing to do. */
export interface Rest {
  /** Of the timers that fire now: whether they are late because the process was at rest. */
  readonly wasResting: boolean;
  /** Likewise, because it was quiet: then they may stand for several. */
  readonly wasQuiet: boolean;
  /** Of the timers that fire now: how much later than they were to, ms. */
  readonly lateMs: number;
  /** It may rest from now on while `isIdle` says that nothing waits for its timers. */
  while(isIdle: () => boolean): void;
  /** Its timers may be late by `QUIET_MS` from now on while `isQuiet` says so. */
  quietWhile(isQuiet: () => boolean): void;
  /** Something begins to wait: what is due fires at once, and the others in time. Cheap while awake. */
  wake(): void;
}

/** How long no connection or socket has come before it rests: whatever is short is over then. */
const AWAKE_MS = 2_000;
/** Between two wake-ups at rest. */
const REST_MS = 1_000;
/** Between two wake-ups of a quiet process. */
export const QUIET_MS = 500;
/** Node's timers count whole ms: one that is due so soon is due now. */
const SLACK_MS = 1;

type Pace = "awake" | "quiet" | "resting";

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
  #isQuiet: () => boolean = () => false;
  #state: Pace = "awake";
  /** Of the timers that fire now. */
  #was: Pace = "awake";
  #lateMs = 0;
  /** Whether it was woken since the timers fired last. */
  #woken = false;
  #isFiring = false;
  /** Monotonic ms. */
  #awakeUntil = 0;

  get wasResting(): boolean {
    return this.#was === "resting";
  }

  get wasQuiet(): boolean {
    return this.#was === "quiet";
  }

  get lateMs(): number {
    return this.#lateMs;
  }

  while(isIdle: () => boolean): void {
    this.#isIdle = isIdle;
  }

  quietWhile(isQuiet: () => boolean): void {
    this.#isQuiet = isQuiet;
  }

  wake(): void {
    // The clock is read once for all of them: each message calls this.
    this.#woken = true;
    if (this.#state === "awake") return;
    this.#disarm();
    if (!this.#isFiring) return this.#fire();
    this.#state = "awake";
    this.#arm();
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
    const now = performance.now() + SLACK_MS;
    const lateMs = this.#armed === undefined ? 0 : Math.max(0, now - SLACK_MS - this.#armed.at);
    this.#armed = undefined;
    const due = [...this.#timers].filter(({ next }) => next <= now);
    for (const each of due) each.next = nextMultiple(each.intervalMs, now);
    const was = this.#state;
    this.#state = this.#paceFrom(now);
    // First, so that the others go on where one throws.
    this.#arm();
    this.#was = was;
    this.#lateMs = lateMs;
    this.#isFiring = true;
    try {
      for (const each of due) if (this.#timers.has(each)) each.run();
    } finally {
      this.#isFiring = false;
    }
  }

  #paceFrom(now: number): Pace {
    if (this.#woken) this.#awakeUntil = now + AWAKE_MS;
    this.#woken = false;
    if (now < this.#awakeUntil) return "awake";
    return this.#isIdle() ? "resting" : this.#isQuiet() ? "quiet" : "awake";
  }

  #arm(): void {
    let at = Number.POSITIVE_INFINITY;
    for (const { next } of this.#timers) at = Math.min(at, next);
    if (this.#state === "resting") at = Math.ceil(at / REST_MS) * REST_MS;
    if (this.#state === "quiet") at = Math.ceil(at / QUIET_MS) * QUIET_MS;
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
