/**
 * What became of an agent's attempts and sessions: totals, reasons, and how long handshakes took.
 *
 * Invariant: at most `MAX_REASONS` reasons are told apart, whatever servers say.
 */
import { Histogram } from "../histogram.js";
import type { AgentReport } from "../messages.js";

/** Different reasons that are told apart; the rest is one. */
const MAX_REASONS = 64;

export class Outcomes {
  readonly #failures = new Map<string, number>();
  readonly #handshakes = new Histogram();
  #givenUp = 0;
  #lost = 0;
  #pings = 0;
  #again = 0;

  /** A session stands, so many ms after its attempt began. */
  joined(ms: number): void {
    this.#handshakes.record(ms * 1000);
  }

  /** A session stands that stood before. */
  joinedAgain(): void {
    this.#again++;
  }

  /** A session ended without being asked to. */
  lost(why: string): void {
    this.#lost++;
    this.failed(`lost: ${why}`);
  }

  /** An attempt or a message failed. */
  failed(why: string): void {
    const reason = this.#failures.has(why) || this.#failures.size < MAX_REASONS ? why : "other reasons";
    this.#failures.set(reason, (this.#failures.get(reason) ?? 0) + 1);
  }

  /** A seat has no attempt left. */
  gaveUp(): void {
    this.#givenUp++;
  }

  pinged(): void {
    this.#pings++;
  }

  /** Totals; handshakes are those since the last report. */
  report(): Pick<AgentReport, "givenUp" | "lost" | "again" | "failures" | "pings" | "handshakes"> {
    const handshakes = this.#handshakes.toSparse();
    this.#handshakes.clear();
    return {
      givenUp: this.#givenUp,
      lost: this.#lost,
      again: this.#again,
      failures: Object.fromEntries(this.#failures),
      pings: this.#pings,
      handshakes,
    };
  }
}
