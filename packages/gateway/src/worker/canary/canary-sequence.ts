/**
 * One sequence of canaries as one worker hears it: what is missing, what came twice, what came late.
 *
 * A number counts as lost once `WINDOW` later ones were heard, so one that was only overtaken is not lost.
 * Invariant: a number is counted once, as heard or as lost; memory does not grow.
 */

/** Later numbers after which a missing one is lost. */
export const WINDOW = 8;
const ALL = (1 << WINDOW) - 1;

export interface HeardCanary {
  readonly kind: "next" | "duplicate" | "reordered";
  /** Numbers that count as lost by now and did not before. */
  readonly lost: number;
}

export class CanarySequence {
  #highest: number;
  /** Bit b: whether `highest - b` was heard. What was before the first one counts as heard. */
  #heard = ALL;

  /** `before`: the number before the first one that is expected. */
  constructor(before: number) {
    this.#highest = before;
  }

  hear(n: number): HeardCanary {
    const ahead = n - this.#highest;
    if (ahead <= 0) return this.#late(-ahead);
    let lost = Math.max(0, ahead - WINDOW);
    for (let bit = WINDOW - 1; bit >= Math.max(0, WINDOW - ahead); bit--) {
      if ((this.#heard & (1 << bit)) === 0) lost++;
    }
    this.#heard = (ahead >= WINDOW ? 0 : (this.#heard << ahead) & ALL) | 1;
    this.#highest = n;
    return { kind: "next", lost };
  }

  /** Of a sequence that goes on no more: how many are missing that have not been counted. */
  end(): number {
    let lost = 0;
    for (let bit = 0; bit < WINDOW; bit++) if ((this.#heard & (1 << bit)) === 0) lost++;
    this.#heard = ALL;
    return lost;
  }

  #late(behind: number): HeardCanary {
    const bit = 1 << behind;
    // Older than the window: it was heard or counted as lost, and is not counted again.
    if (behind >= WINDOW || (this.#heard & bit) !== 0) return { kind: "duplicate", lost: 0 };
    this.#heard |= bit;
    return { kind: "reordered", lost: 0 };
  }
}
