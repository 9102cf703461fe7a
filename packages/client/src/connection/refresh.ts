/**
 * Refresh: brings the server a new token for one that is about to end: the connection's, or a subscription's.
 *
 * The tokens of a mass login end together, so the question is spread over the first half of the time that is
 * left. Invariants: one timer or one question at a time, the newest; nothing happens after `stop()`. A
 * failure is told and not repeated: then the server ends what the token was for with `expired`, and coming
 * back asks for a token anew.
 */
import type { Clock, Timer } from "../clock.js";
import type { TokenProvider } from "../token-source.js";
import { clientErrors, HoldfastError } from "../wire/errors.js";
import { positive } from "../wire/fields.js";
import type { RequestOutcome } from "./pending.js";

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

  /**
   * `deadline` ms from now, by the server's word, the old token ends. `bring` gets the new one of `tokens`;
   * without one there is nothing to bring.
   */
  start(
    deadline: unknown,
    tokens: TokenProvider,
    bring: (token: string, settle: (outcome: RequestOutcome) => void) => void,
  ): void {
    this.stop();
    const { clock, random, problem } = this.#options;
    const failed = (error: HoldfastError): void => {
      if (this.#timer === timer) problem(error);
    };
    const timer = clock.after((random() * Math.min(positive(deadline, 0), 60_000)) / 2, () => {
      tokens.get().then(
        (token) => {
          if (this.#timer !== timer || token === undefined) return;
          bring(token, (outcome) => outcome.ok || failed(outcome.error));
        },
        (cause) => failed(new HoldfastError(clientErrors.token, undefined, cause)),
      );
    });
    this.#timer = timer;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
