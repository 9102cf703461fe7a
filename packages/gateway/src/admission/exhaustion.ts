/**
 * Exhaustion: connections that the system could not accept, for want of file descriptors.
 *
 * One for each door. Invariant: every one is counted as refused; the log says so once in `LOG_MS`.
 */
import type { Clock, Logger } from "@holdfast/core";

const LOG_MS = 10_000;

export class Exhaustion {
  readonly #refused: () => void;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #logger: Pick<Logger, "error">;
  #saidAt = Number.NEGATIVE_INFINITY;

  constructor(refused: () => void, clock: Pick<Clock, "monotonic">, logger: Pick<Logger, "error">) {
    this.#refused = refused;
    this.#clock = clock;
    this.#logger = logger;
  }

  met(): void {
    this.#refused();
    const now = this.#clock.monotonic();
    if (now - this.#saidAt < LOG_MS) return;
    this.#saidAt = now;
    this.#logger.error(
      {},
      "out of file descriptors: connections cannot be accepted (raise the open-files limit)",
    );
  }
}
