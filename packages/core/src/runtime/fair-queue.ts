/**
 * A queue in which askers take turns: one of each, in the order in which they came, however many each has
 * waiting.
 *
 * Owns what waits, not what is under way (`FairTurns`). Invariant: an asker is kept only while something of
 * it waits.
 */
export class FairQueue<Asker, T> {
  /** By asker, the next one first; of each in the order of asking. */
  readonly #byAsker = new Map<Asker, Set<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** How many of one asker wait. */
  sizeOf(asker: Asker): number {
    return this.#byAsker.get(asker)?.size ?? 0;
  }

  add(asker: Asker, each: T): void {
    const own = this.#byAsker.get(asker) ?? new Set<T>();
    own.add(each);
    this.#byAsker.set(asker, own);
    this.#size++;
  }

  /** The next one, which waits no more; of the askers that `mayGo`. */
  shift(mayGo?: (asker: Asker) => boolean): T | undefined {
    for (const [asker, own] of this.#byAsker) {
      if (mayGo?.(asker) === false) continue;
      const [next] = own;
      this.#byAsker.delete(asker);
      if (next === undefined) continue;
      own.delete(next);
      // To the end of the turn, if more of it wait.
      if (own.size > 0) this.#byAsker.set(asker, own);
      this.#size--;
      return next;
    }
    return undefined;
  }

  /** Lets all others that wait go before this asker. */
  toEnd(asker: Asker): void {
    const own = this.#byAsker.get(asker);
    if (own === undefined) return;
    this.#byAsker.delete(asker);
    this.#byAsker.set(asker, own);
  }

  /** Whether it waited; it does no more. */
  delete(asker: Asker, each: T): boolean {
    const own = this.#byAsker.get(asker);
    if (own?.delete(each) !== true) return false;
    if (own.size === 0) this.#byAsker.delete(asker);
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
