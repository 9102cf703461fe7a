/**
 * A tail: the newest publications of one channel, kept on the worker so that whoever comes back after a short absence
 * costs no read of the broker's log.
 *
 * Invariant: its entries are consecutive and end at the last publication of the stream that owns it. Bounded by entries, and by
 * a budget of characters that all tails of a worker share: a tail that finds it used up gives away its own oldest.
 */
import type { Entry } from "./broker.js";

/** Characters that the tails of one worker may hold together. */
export class TailBudget {
  readonly maxChars: number;
  chars = 0;

  constructor(maxChars: number) {
    this.maxChars = maxChars;
  }
}

export class Tail {
  readonly #budget: TailBudget;
  readonly #maxEntries: number;
  #entries: Entry[] = [];
  /** Entries at the front that have been given away; the array is cut when they are half of it. */
  #gone = 0;

  constructor(budget: TailBudget, maxEntries: number) {
    this.#budget = budget;
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#entries.length - this.#gone;
  }

  /** The offset of the oldest entry, or undefined when there is none. */
  get first(): number | undefined {
    return this.#entries[this.#gone]?.offset;
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
    this.#budget.chars += entry.data.length;
    this.#trim();
  }

  /** Adds what lies before the first entry. `entries` end where the tail begins. */
  extend(entries: readonly Entry[]): void {
    const room = Math.max(0, this.#maxEntries - this.size);
    const added = room === 0 ? [] : entries.slice(-room);
    for (const { data } of added) this.#budget.chars += data.length;
    this.#entries = [...added, ...this.#entries.slice(this.#gone)];
    this.#gone = 0;
    this.#trim();
  }

  /** The entries after `offset`, up to and including `last`; or undefined when the tail does not reach back so far. */
  between(offset: number, last: number): readonly Entry[] | undefined {
    if (offset >= last) return [];
    const { first } = this;
    if (first === undefined || first > offset + 1) return undefined;
    const start = this.#gone + offset + 1 - first;
    return this.#entries.slice(start, start + last - offset);
  }

  clear(): void {
    for (let at = this.#gone; at < this.#entries.length; at++)
      this.#budget.chars -= this.#entries[at]?.data.length ?? 0;
    this.#entries = [];
    this.#gone = 0;
  }

  #trim(): void {
    while (this.size > 0 && (this.size > this.#maxEntries || this.#budget.chars > this.#budget.maxChars)) {
      this.#budget.chars -= this.#entries[this.#gone++]?.data.length ?? 0;
    }
    if (this.#gone > 64 && this.#gone * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#gone);
      this.#gone = 0;
    }
  }
}
