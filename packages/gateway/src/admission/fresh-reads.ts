/**
 * Fresh reads: reads of heads begun in this turn of the event loop and the one before.
 *
 * Their heads are as good as queued for a worker, so that a storm is read only as fast as workers take it.
 * Invariant: a read counts for two turns at most, or a few silent senders would close the door to all
 * clients; a timer exists only while a read counts.
 */
import type { Clock } from "@holdfast/core";

export class FreshReads {
  readonly #clock: Clock;
  readonly #turned: () => void;
  #now = 0;
  #before = 0;
  #turn: "idle" | "scheduled" = "idle";

  /** `turned` is called after each turn in which a read has stopped counting, or may have. */
  constructor(turned: () => void, clock: Clock) {
    this.#turned = turned;
    this.#clock = clock;
  }

  get count(): number {
    return this.#now + this.#before;
  }

  /** One more read has begun, and has not brought a whole head at once. */
  begun(): void {
    this.#now++;
    if (this.#turn === "idle") this.#schedule();
  }

  #schedule(): void {
    this.#turn = "scheduled";
    this.#clock.defer(() => {
      this.#before = this.#now;
      this.#now = 0;
      this.#turn = "idle";
      if (this.#before > 0) this.#schedule();
      this.#turned();
    });
  }
}
