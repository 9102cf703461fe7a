/**
 * A queue: first in, first out, at a constant cost each, however long it is.
 *
 * An array that is shifted copies itself, and one that is only read from an index on grows for as long as it
 * never runs empty. Invariant: nothing that has left is kept alive.
 */

/** Entries that may have left before the array is cut. */
const CUT_AT = 1024;

export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #first = 0;

  get length(): number {
    return this.#items.length - this.#first;
  }

  /** The one that leaves next. */
  get first(): T | undefined {
    return this.#items[this.#first];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    const item = this.#items[this.#first];
    if (item === undefined) return undefined;
    this.#items[this.#first++] = undefined;
    if (this.#first === this.#items.length) {
      this.#items = [];
      this.#first = 0;
    } else if (this.#first >= CUT_AT && this.#first * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }

  /** Takes all, in order. */
  drain(): T[] {
    const all = this.#items.slice(this.#first) as T[];
    this.#items = [];
    this.#first = 0;
    return all;
  }
}
