/**
 * A logger that says the same only so often: a line that a peer can cause must not cost its disk, or hide the
 * others.
 *
 * Lines are the same when their message is: what differs is in the fields. Those beyond the limit are
 * counted, and the count is said when the window ends. What is below `info` is not limited: it is off unless
 * an operator wants all of it. Invariant: at most `lines` of one message pass in a window, and one line that
 * says how many were left out.
 */
import type { Clock } from "./clock.js";
import type { Logger } from "./logger.js";

export interface LogLimits {
  /** Lines of one message in one window. */
  readonly lines: number;
  readonly windowMs: number;
}

export const LOG_LIMITS: LogLimits = Object.freeze({ lines: 100, windowMs: 10_000 });

interface Window {
  readonly since: number;
  lines: number;
  leftOut: number;
}

/** Messages that are told apart: there are fewer in the code. */
const MAX_MESSAGES = 1_000;

type Level = "info" | "warn" | "error";

export class LimitedLogger implements Logger {
  readonly #inner: Logger;
  readonly #clock: Clock;
  readonly #limits: LogLimits;
  readonly #windows = new Map<string, Window>();
  #leftOut = 0;

  constructor(inner: Logger, clock: Clock, limits = LOG_LIMITS) {
    this.#inner = inner;
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Lines that were left out so far. */
  get leftOut(): number {
    return this.#leftOut;
  }

  debug(fields: object, message: string): void {
    this.#inner.debug(fields, message);
  }

  info(fields: object, message: string): void {
    if (this.#passes("info", message)) this.#inner.info(fields, message);
  }

  warn(fields: object, message: string): void {
    if (this.#passes("warn", message)) this.#inner.warn(fields, message);
  }

  error(fields: object, message: string): void {
    if (this.#passes("error", message)) this.#inner.error(fields, message);
  }

  #passes(level: Level, message: string): boolean {
    const { lines, windowMs } = this.#limits;
    const now = this.#clock.monotonic();
    let window = this.#windows.get(message);
    if (window === undefined || now - window.since >= windowMs) {
      window = { since: now, lines: 0, leftOut: 0 };
      this.#windows.delete(message);
      this.#windows.set(message, window);
      if (this.#windows.size > MAX_MESSAGES) this.#forgetOldest();
    }
    if (++window.lines <= lines) return true;
    this.#leftOut++;
    if (++window.leftOut === 1) this.#sayLater(level, message, window);
    return false;
  }

  #sayLater(level: Level, message: string, window: Window): void {
    this.#clock.after(window.since + this.#limits.windowMs - this.#clock.monotonic(), () =>
      this.#inner[level]({ of: message, leftOut: window.leftOut }, "log lines were left out"),
    );
  }

  #forgetOldest(): void {
    for (const message of this.#windows.keys()) {
      this.#windows.delete(message);
      return;
    }
  }
}
