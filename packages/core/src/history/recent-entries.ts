/**
 * Recent entries: the newest publications of one channel, kept on the worker so that a client that returns
 * after a short absence costs no read of the broker's log.
 *
 * Invariant: its entries are consecutive and end at the last publication of the stream that owns it. Bounded
 * by what one recovery may bring, in entries and characters, since more is of no use; and by a budget of
 * characters that all tails of a worker share: a tail that finds it used up gives away its own oldest, unless
 * a client is waiting for them.
 */
import type { Entry } from "../broker/broker.js";

/** Characters that the tails of one worker may hold together. */
export class RecentEntriesBudget {
  readonly maxChars: number;
  chars = 0;

  constructor(maxChars: number) {
    this.maxChars = maxChars;
  }
}

export interface RecentEntriesLimits {
  readonly maxEntries: number;
  readonly maxChars: number;
}

export class RecentEntries {
  readonly #budget: RecentEntriesBudget;
  readonly #limits: RecentEntriesLimits;
  #entries: Entry[] = [];
  /** Entries at the front that have been given away; the array is cut when they are half of it. */
  #gone = 0;
  #chars = 0;
  #beyond = 0;
  /** Connections that wait for these entries: meanwhile the budget takes nothing. */
  #pins = 0;
  /** From where the waiting clients want the log to be read. */
  #wanted = Number.POSITIVE_INFINITY;

  constructor(budget: RecentEntriesBudget, limits: RecentEntriesLimits) {
    this.#budget = budget;
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.length - this.#gone;
  }

  /** The offset of the oldest entry, or undefined when there is none. */
  get first(): number | undefined {
    return this.#entries[this.#gone]?.offset;
  }

  /**
   * The highest offset that was given away because of the tail's own limits: what begins before it is too
   * much.
   */
  get beyond(): number {
    return this.#beyond;
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
    this.#weigh(entry.data.length);
    this.#trim();
  }

  /** Adds what lies before the first entry. `entries` end where the tail begins. */
  extend(entries: readonly Entry[]): void {
    for (const { data } of entries) this.#weigh(data.length);
    this.#entries = [...entries, ...this.#entries.slice(this.#gone)];
    this.#gone = 0;
    this.#trim();
  }

  /**
   * The entries after `offset`, up to and including `last`; or undefined when the tail does not reach back so
   * far.
   */
  between(offset: number, last: number): readonly Entry[] | undefined {
    if (offset >= last) return [];
    const { first } = this;
    if (first === undefined || first > offset + 1) return undefined;
    const start = this.#gone + offset + 1 - first;
    return this.#entries.slice(start, start + last - offset);
  }

  /** A client needs the log to be read from an offset on. */
  want(from: number): void {
    this.#wanted = Math.min(this.#wanted, from);
  }

  /**
   * What to read for clients that want entries before these; undefined when no client does. `next`: the
   * offset that follows the newest entry.
   */
  takeWanted(next: number): { readonly from: number; readonly to: number } | undefined {
    const from = this.#wanted;
    this.#wanted = Number.POSITIVE_INFINITY;
    const to = (this.first ?? next) - 1;
    return from <= to ? { from, to } : undefined;
  }

  /** A client waits for what is here, or is being read: it is kept. Pair with `unpin`. */
  pin(): void {
    this.#pins++;
  }

  unpin(): void {
    this.#pins--;
    this.#trim();
  }

  clear(): void {
    this.#weigh(-this.#chars);
    this.#entries = [];
    this.#gone = 0;
    this.#beyond = 0;
  }

  #trim(): void {
    const { maxEntries, maxChars } = this.#limits;
    while (this.size > maxEntries || this.#chars > maxChars) this.#beyond = this.#giveAway();
    while (this.#pins === 0 && this.size > 0 && this.#budget.chars > this.#budget.maxChars) this.#giveAway();
    if (this.#gone > 64 && this.#gone * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#gone);
      this.#gone = 0;
    }
  }

  /** Lets go of the oldest entry; returns its offset. */
  #giveAway(): number {
    const oldest = this.#entries[this.#gone++];
    if (oldest === undefined) throw new RangeError("a tail without entries has nothing to give away");
    this.#weigh(-oldest.data.length);
    return oldest.offset;
  }

  #weigh(chars: number): void {
    this.#chars += chars;
    this.#budget.chars += chars;
  }
}
