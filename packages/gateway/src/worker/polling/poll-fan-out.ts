/**
 * The fan-out to polls: sessions that have something to say to a poll they hold, answered in slices.
 *
 * A message to many sessions is many answers, and each is a write. Invariant: one stretch of them holds the
 * event loop no longer than a slice and a few answers.
 */
import type { Clock } from "@holdfast/core";

/** A session with something to say. */
export interface DueSession {
  flush(): void;
}

/** How long one stretch of answers may hold the event loop, ms. */
const SLICE_MS = 5;

export class PollFanOut<Session extends DueSession> {
  readonly #clock: Pick<Clock, "monotonic" | "defer">;
  readonly #due = new Set<Session>();
  #count = 0;

  constructor(clock: Pick<Clock, "monotonic" | "defer">) {
    this.#clock = clock;
  }

  /** A number for the fan-out that is under way; 0 while there is none. */
  get number(): number {
    return this.#due.size === 0 ? 0 : this.#count;
  }

  /** Has the session flushed at the end of this turn of the loop, or when it is its turn. */
  add(session: Session): void {
    if (this.#due.size === 0) {
      this.#count++;
      this.#clock.defer(() => this.#flush());
    }
    this.#due.add(session);
  }

  #flush(): void {
    const deadline = this.#clock.monotonic() + SLICE_MS;
    let flushed = 0;
    for (const session of this.#due) {
      this.#due.delete(session);
      session.flush();
      if (++flushed % 16 === 0 && this.#clock.monotonic() >= deadline) {
        if (this.#due.size > 0) this.#clock.defer(() => this.#flush());
        return;
      }
    }
  }
}
