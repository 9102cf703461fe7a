/**
 * Recent warnings: the last lines that this process logged as a warning or an error, for operators who look
 * at the instance without its log.
 *
 * Invariant: at most `MAX_WARNINGS` lines are held, each of at most `MAX_CHARS` characters. A line that
 * repeats the message of the newest is counted with it.
 */
import type { Logger } from "@holdfast/core";

export interface Warning {
  /** The last time, ms since 1970. */
  readonly at: number;
  readonly level: "warn" | "error";
  readonly message: string;
  /** Its fields as JSON, cut. */
  readonly details: string;
  /** How often it came one after the other. */
  readonly times: number;
}

const MAX_WARNINGS = 100;
const MAX_CHARS = 500;

export class RecentWarnings {
  readonly #now: () => number;
  #warnings: Warning[] = [];

  /** `now`: ms since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** A logger that passes every line on and remembers the warnings. */
  over(logger: Logger): Logger {
    return {
      debug: (fields, message) => logger.debug(fields, message),
      info: (fields, message) => logger.info(fields, message),
      warn: (fields, message) => {
        this.#note("warn", fields, message);
        logger.warn(fields, message);
      },
      error: (fields, message) => {
        this.#note("error", fields, message);
        logger.error(fields, message);
      },
    };
  }

  /** The newest first. */
  list(): readonly Warning[] {
    return [...this.#warnings].reverse();
  }

  #note(level: Warning["level"], fields: object, message: string): void {
    const last = this.#warnings.at(-1);
    const repeats = last?.message === message && last.level === level;
    if (repeats) this.#warnings.pop();
    this.#warnings.push({
      at: this.#now(),
      level,
      message: message.slice(0, MAX_CHARS),
      details: detailsOf(fields),
      times: repeats ? last.times + 1 : 1,
    });
    if (this.#warnings.length > MAX_WARNINGS) this.#warnings.shift();
  }
}

/** An error says its message alone; what cannot be written as JSON is left out. */
function detailsOf(fields: object): string {
  try {
    const text = JSON.stringify(fields, (_, value: unknown) =>
      value instanceof Error ? value.message : value,
    );
    return text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)}…` : text;
  } catch {
    return "{}";
  }
}
