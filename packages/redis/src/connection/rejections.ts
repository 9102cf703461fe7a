/**
 * Rejections: payloads from Redis that are not delivered, counted and shown.
 *
 * Any program may publish to Redis, so the log is protected: one line in ten seconds, with a sample and the
 * number since.
 */
import type { Clock, Logger, Metrics } from "@holdfast/core";

const LOG_INTERVAL_MS = 10_000;
const SAMPLE_BYTES = 100;

export class Rejections {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  #loggedAt = Number.NEGATIVE_INFINITY;
  #unlogged = 0;

  constructor(clock: Clock, logger: Logger, metrics: Metrics) {
    this.#clock = clock;
    this.#logger = logger;
    this.#metrics = metrics;
  }

  add(channel: string, payload: Buffer, problem: string): void {
    this.#metrics.add("broker_rejected", 1);
    this.#unlogged++;
    const now = this.#clock.monotonic();
    if (now - this.#loggedAt < LOG_INTERVAL_MS) return;
    const sample = payload.toString("utf8", 0, SAMPLE_BYTES);
    this.#logger.warn(
      { channel, problem, bytes: payload.length, sample, rejected: this.#unlogged },
      "rejected a publication from Redis",
    );
    this.#loggedAt = now;
    this.#unlogged = 0;
  }
}
