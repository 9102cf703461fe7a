/**
 * The schedule: what happens in a simulation, and when. Time is whole milliseconds and passes only from one
 * event to the next; events of one moment happen in the order in which they were scheduled.
 */
export class Schedule {
  now = 0;
  readonly #due = new Map<number, (() => void)[]>();

  after(delayMs: number, run: () => void): void {
    this.at(this.now + delayMs, run);
  }

  at(time: number, run: () => void): void {
    const moment = Math.max(time, this.now);
    const due = this.#due.get(moment);
    if (due === undefined) this.#due.set(moment, [run]);
    else due.push(run);
  }

  /**
   * Moves to the next event until the given time, and takes it out; undefined when there is none: it is
   * `until` then.
   */
  take(until: number): (() => void) | undefined {
    for (;;) {
      const due = this.#due.get(this.now);
      const run = due?.shift();
      if (run !== undefined) return run;
      this.#due.delete(this.now);
      if (this.now >= until) return undefined;
      this.now++;
    }
  }
}
