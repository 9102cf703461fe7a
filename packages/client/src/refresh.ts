/**
 * Refresh: brings the server a new token for one that is about to end: the connection's, or a subscription's.
 *
 * The tokens of a mass login end together, so the question is spread over the first half of the time that is left.
 * Invariants: one timer or one question at a time, the newest; nothing happens after `stop()`. A failure is told and not
 * repeated: then the server ends what the token was for with `expired`, and coming back asks for a token anew.
 */
import type { Clock, Timer } from "./clock.js";
import { clientErrors, HoldfastError } from "./errors.js";
import type { Outcome } from "./pending.js";

export interface RefreshOptions {
  readonly clock: Clock;
  readonly random: () => number;
  problem(error: HoldfastError): void;
}

export class Refresh {
  readonly #options: RefreshOptions;
  #timer: Timer | undefined;

  constructor(options: RefreshOptions) {
    this.#options = options;
  }

  /** `deadlineMs` from now the old token ends. `bring` gets the new one; without one there is nothing to bring. */
  start(
    deadlineMs: number,
    ask: () => Promise<string | undefined>,
    bring: (token: string, settle: (outcome: Outcome) => void) => void,
  ): void {
    this.stop();
    const { clock, random, problem } = this.#options;
    const timer = clock.after((random() * Math.min(deadlineMs, 60_000)) / 2, () => {
      ask().then(
        (token) => {
          if (this.#timer !== timer || token === undefined) return;
          bring(token, (outcome) => {
            if (!outcome.ok && this.#timer === timer) problem(outcome.error);
          });
        },
        (cause) => {
          if (this.#timer === timer) problem(new HoldfastError(clientErrors.token, undefined, cause));
        },
      );
    });
    this.#timer = timer;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
