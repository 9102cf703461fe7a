/**
 * Log lines about visitors that are refused: the first one at once, those that follow as a count.
 *
 * Invariant: at most one line in `everyMs`, however many are refused.
 */

/** Between two lines, ms. */
export const REFUSAL_LINE_MS = 10_000;

export class RefusalLog {
  readonly #log: (line: string) => void;
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | undefined;
  #more = 0;
  #last = "";

  constructor(log: (line: string) => void, everyMs = REFUSAL_LINE_MS) {
    this.#log = log;
    this.#everyMs = everyMs;
  }

  /** `why` goes on after the address. */
  refused(address: string, why: string): void {
    const line = `${address} ${why}`;
    if (this.#timer === undefined) {
      this.#log(`refused: ${line}`);
      this.#wait();
    } else {
      this.#more++;
      this.#last = line;
    }
  }

  /** Says what is still to be said. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#tellCount();
  }

  #wait(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#tellCount()) this.#wait();
    }, this.#everyMs);
    this.#timer.unref();
  }

  #tellCount(): boolean {
    const count = this.#more;
    this.#more = 0;
    if (count > 0) this.#log(`refused: ${count} more in ${this.#everyMs / 1000} s, the last: ${this.#last}`);
    return count > 0;
  }
}
