/**
 * Retrying: tries a command again, over reconnects and temporary errors, until a deadline.
 *
 * Only for what may be carried out twice without harm, such as a publication with a key. Invariants: an
 * attempt follows at once on a new connection, otherwise after the protocol's backoff; none begins after the
 * deadline, nor once the client is closed. At most `MAX_RETRYING` commands wait between two attempts; a
 * further one fails with the error it has.
 */
import { type BackoffOptions, backoffDelay } from "@holdfast/protocol";
import type { Clock } from "../clock.js";
import type { ClientState } from "../state.js";
import { HoldfastError } from "../wire/errors.js";

export interface RetryingOptions {
  readonly backoff: BackoffOptions;
  readonly clock: Clock;
  readonly random: () => number;
}

/** The client's state, and how to hear of its changes. */
export interface States {
  readonly state: ClientState;
  on(name: "state", listener: (state: ClientState) => void): () => void;
}

/** Commands that may wait for their next attempt at once. */
export const MAX_RETRYING = 1024;

export class Retrying {
  readonly #options: RetryingOptions;
  readonly #states: States;
  #waiting = 0;

  constructor(options: RetryingOptions, states: States) {
    this.#options = options;
    this.#states = states;
  }

  async run<Result>(attempt: () => Promise<Result>, deadlineMs: number): Promise<Result> {
    const { backoff, clock, random } = this.#options;
    const deadline = clock.monotonic() + deadlineMs;
    for (let retries = 0; ; retries++) {
      try {
        return await attempt();
      } catch (error) {
        const left = deadline - clock.monotonic();
        const { name } = this.#states.state;
        const temporary = error instanceof HoldfastError && error.temporary;
        if (!temporary || left <= 0 || name === "closed" || this.#waiting >= MAX_RETRYING) throw error;
        // A new connection ends the wait.
        const delayMs = name === "connected" ? backoffDelay(retries, random(), 0, backoff) : left;
        this.#waiting++;
        await this.#pause(Math.min(delayMs, left));
        this.#waiting--;
      }
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel();
        stop();
        resolve();
      };
      const timer = this.#options.clock.after(Math.ceil(delayMs), end);
      const stop = this.#states.on("state", ({ name }) => {
        if (name === "connected" || name === "closed") end();
      });
    });
  }
}
