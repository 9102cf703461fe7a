/**
 * A log for what clients get wrong: enough that an operator sees what to mend, however often a client repeats
 * it.
 *
 * A line is passed once for each `kind` and `key` in a window, and for a few keys of a kind only. Those
 * beyond are counted; the next line of the kind says how many were left out. Invariant: the log holds at most
 * `keys` short texts for each kind, and passes at most as many lines of a kind in a window.
 */
import type { Clock } from "./clock.js";
import type { Logger } from "./logger.js";

export interface SparseLogLimits {
  /** Lines of one kind in a window. */
  readonly keys: number;
  readonly windowMs: number;
}

export const SPARSE_LOG_LIMITS: SparseLogLimits = Object.freeze({ keys: 10, windowMs: 60_000 });

/** Characters of a key that tell it from another. */
const MAX_KEY = 200;

interface Kind {
  since: number;
  readonly keys: Set<string>;
  leftOut: number;
}

export class SparseLog {
  readonly #logger: Logger;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #limits: SparseLogLimits;
  /** There are as many kinds as call sites. */
  readonly #kinds = new Map<string, Kind>();

  constructor(logger: Logger, clock: Pick<Clock, "monotonic">, limits = SPARSE_LOG_LIMITS) {
    this.#logger = logger;
    this.#clock = clock;
    this.#limits = limits;
  }

  /**
   * What an operator should mend. `key`: what makes a line of this kind a new one, such as the origin that
   * was refused.
   */
  warn(kind: string, key: string, fields: object, message: string): void {
    this.#say("warn", kind, key, fields, message);
  }

  /** What may be as it should. */
  info(kind: string, key: string, fields: object, message: string): void {
    this.#say("info", kind, key, fields, message);
  }

  #say(level: "info" | "warn", kind: string, key: string, fields: object, message: string): void {
    const { keys, windowMs } = this.#limits;
    const now = this.#clock.monotonic();
    let known = this.#kinds.get(kind);
    if (known === undefined) {
      known = { since: now, keys: new Set(), leftOut: 0 };
      this.#kinds.set(kind, known);
    }
    if (now - known.since >= windowMs) {
      known.since = now;
      known.keys.clear();
    }
    const name = key.slice(0, MAX_KEY);
    if (known.keys.has(name) || known.keys.size >= keys) {
      known.leftOut++;
      return;
    }
    known.keys.add(name);
    const { leftOut } = known;
    known.leftOut = 0;
    this.#logger[level](leftOut === 0 ? fields : { ...fields, leftOut }, message);
  }
}
