/**
 * GC turns: at most one worker of the instance collects garbage at a time.
 *
 * Workers wish for a turn; the primary grants them in order and has the router look elsewhere meanwhile.
 * Invariant: a turn ends by the worker's word, by its death, or after `MAX_TURN_MS`, whichever is first.
 */
import type { Clock, Timer } from "@holdfast/core";

/** A full collection of a 4 GB heap takes seconds; a worker that needs longer is stopped, not collecting. */
const MAX_TURN_MS = 10_000;

export class GcTurns<W> {
  readonly #clock: Clock;
  readonly #grant: (worker: W) => void;
  readonly #waiting = new Set<W>();
  #turn: { readonly worker: W; readonly deadline: Timer } | undefined;

  /** `grant` tells the worker that it may collect now. */
  constructor(clock: Clock, grant: (worker: W) => void) {
    this.#clock = clock;
    this.#grant = grant;
  }

  /** Whether it is this worker's turn now. */
  isCollecting(worker: W): boolean {
    return this.#turn?.worker === worker;
  }

  wish(worker: W): void {
    if (!this.isCollecting(worker)) this.#waiting.add(worker);
    this.#next();
  }

  /** The worker has collected, or is gone. */
  done(worker: W): void {
    this.#waiting.delete(worker);
    if (!this.isCollecting(worker)) return;
    this.#turn?.deadline.cancel();
    this.#turn = undefined;
    this.#next();
  }

  #next(): void {
    if (this.#turn !== undefined) return;
    const [worker] = this.#waiting;
    if (worker === undefined) return;
    this.#waiting.delete(worker);
    this.#turn = { worker, deadline: this.#clock.after(MAX_TURN_MS, () => this.done(worker)) };
    this.#grant(worker);
  }
}
