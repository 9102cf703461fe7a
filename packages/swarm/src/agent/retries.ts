/**
 * Attempts that wait for their turn to be tried again, by the protocol's back-off.
 *
 * One map of short lists instead of a timer each. Invariant: a seat that was added is given out once, not
 * before its time.
 */

const TICK_MS = 50;

export class Retries {
  readonly #seats = new Map<number, number[]>();
  #waiting = 0;
  #last = 0;

  get waiting(): number {
    return this.#waiting;
  }

  add(seat: number, nowMs: number, delayMs: number): void {
    const tick = Math.max(this.#last + 1, Math.ceil((nowMs + delayMs) / TICK_MS));
    const there = this.#seats.get(tick);
    if (there === undefined) this.#seats.set(tick, [seat]);
    else there.push(seat);
    this.#waiting++;
  }

  /** The seat waits no longer, if it did. */
  remove(seat: number): void {
    for (const seats of this.#seats.values()) {
      const at = seats.indexOf(seat);
      if (at < 0) continue;
      seats.splice(at, 1);
      this.#waiting--;
    }
  }

  /** Those that are due. */
  take(nowMs: number): number[] {
    this.#last = Math.floor(nowMs / TICK_MS);
    const due: number[] = [];
    for (const [tick, seats] of this.#seats) {
      if (tick > this.#last) continue;
      for (const seat of seats) due.push(seat);
      this.#seats.delete(tick);
    }
    this.#waiting -= due.length;
    return due;
  }
}
