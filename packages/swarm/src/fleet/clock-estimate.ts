/**
 * How far a machine's monotonic clock is from this one's, from questions and answers.
 *
 * An answer was made between the question and its arrival, so the shorter the way was, the closer the middle
 * is. Pure. Invariant: the true difference is within `errorMicros` of `offsetMicros`, unless the clocks have
 * drifted since the question that was best.
 */

/** One question: when it was asked, what the other clock said, when that arrived; µs. */
interface ClockAnswer {
  readonly askedMicros: number;
  readonly theirMicros: number;
  readonly arrivedMicros: number;
}

/** Answers that are remembered; older ones have drifted. */
const REMEMBERED = 16;

export class ClockEstimate {
  readonly #answers: ClockAnswer[] = [];

  note(answer: ClockAnswer): void {
    this.#answers.push(answer);
    if (this.#answers.length > REMEMBERED) this.#answers.shift();
  }

  /** What to add to their clock for this one; 0 before the first answer. */
  get offsetMicros(): number {
    const best = this.#best();
    if (best === undefined) return 0;
    return Math.round((best.askedMicros + best.arrivedMicros) / 2 - best.theirMicros);
  }

  /** Half of the shortest way there and back; undefined before the first answer. */
  get errorMicros(): number | undefined {
    const best = this.#best();
    return best === undefined ? undefined : Math.ceil(wayOf(best) / 2);
  }

  #best(): ClockAnswer | undefined {
    return this.#answers.reduce<ClockAnswer | undefined>(
      (best, each) => (best === undefined || wayOf(each) < wayOf(best) ? each : best),
      undefined,
    );
  }
}

function wayOf({ askedMicros, arrivedMicros }: ClockAnswer): number {
  return arrivedMicros - askedMicros;
}
