/**
 * A queue in which askers take turns: one of each, in the order in which they came, however many each has
 * waiting.
 *
 * Invariant: an asker is kept only while something of it waits.
 */
export interface QueueItem {
  /** Whose it is. */
  readonly from: string;
}

export class FairQueue<T extends QueueItem> {
  /** By asker, the next one first; of each in the order of asking. */
  readonly #byAsker = new Map<string, Set<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** How many of one asker wait. */
  sizeOf(from: string): number {
    return this.#byAsker.get(from)?.size ?? 0;
  }

  add(each: T): void {
    const own = this.#byAsker.get(each.from) ?? new Set<T>();
    own.add(each);
    this.#byAsker.set(each.from, own);
    this.#size++;
  }

  /** The next one, which waits no more. */
  shift(): T | undefined {
    for (const [from, own] of this.#byAsker) {
      const [next] = own;
      // To the end of the turn, if more of it wait.
      this.#byAsker.delete(from);
      if (next === undefined) continue;
      own.delete(next);
      if (own.size > 0) this.#byAsker.set(from, own);
      this.#size--;
      return next;
    }
    return undefined;
  }

  /** Whether it waited; it does no more. */
  delete(each: T): boolean {
    const own = this.#byAsker.get(each.from);
    if (own?.delete(each) !== true) return false;
    if (own.size === 0) this.#byAsker.delete(each.from);
    this.#size--;
    return true;
  }

  /** Takes all. */
  drain(): readonly T[] {
    const all = this.all();
    this.#byAsker.clear();
    this.#size = 0;
    return all;
  }

  all(): readonly T[] {
    return [...this.#byAsker.values()].flatMap((own) => [...own]);
  }
}
