/**
 * The turn queue: what waits for the fan-out, in turns. A turn is all that had gathered when the last one was
 * over.
 *
 * Invariant: what is put leaves once, in its order. Taking costs the same however much waits: an array whose
 * head is shifted off moves the rest.
 */
export class TurnQueue<T> {
  #turn: T[] = [];
  #next = 0;
  #queue: T[] = [];

  /** How many the turn has, those included that were taken. */
  get turnSize(): number {
    return this.#turn.length;
  }

  /** Whether all of the turn were taken. */
  get isTurnOver(): boolean {
    return this.#next === this.#turn.length;
  }

  put(each: T): void {
    this.#queue.push(each);
  }

  /** Takes the next one; begins a turn where the last is over. Undefined where nothing waits. */
  take(): T | undefined {
    if (this.isTurnOver) {
      this.#turn = this.#queue;
      this.#queue = [];
      this.#next = 0;
    }
    const next = this.#turn[this.#next];
    if (next !== undefined) this.#next++;
    return next;
  }
}
