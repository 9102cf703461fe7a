/**
 * The clock of a run, on each of its machines: that of the coordinator's machine.
 *
 * A machine's own monotonic clock begins at its start, so an agent elsewhere adds what the coordinator found
 * to be the difference. Invariant: with no difference told, it is the machine's own clock.
 */
import { monotonicMicros } from "./stamp.js";

export class RunClock {
  readonly #own: () => number;
  #offsetMicros = 0;

  /** `own`: the machine's monotonic clock, µs. */
  constructor(own: () => number = monotonicMicros) {
    this.#own = own;
  }

  /** What is to be added to this machine's clock from now on. */
  adjust(offsetMicros: number): void {
    this.#offsetMicros = offsetMicros;
  }

  /** The run's time, µs. */
  micros(): number {
    return this.#own() + this.#offsetMicros;
  }

  /** This machine's own time, µs. */
  ownMicros(): number {
    return this.#own();
  }
}
