/**
 * Health checks at the front door: answered here, by what the workers say over their links.
 *
 * No worker gets the socket of a health check: one that has stopped would keep it and never answer. All
 * workers that are ready are asked instead, and the first answer is the answer.
 * Invariants: at most one question is under way for each worker, and health checks that come meanwhile share
 * it; each is answered within `DEADLINE_MS`; at most `MAX_WAITING` wait, further ones are refused.
 */
import type { Clock, Timer } from "@holdfast/core";
import type { PendingSocket } from "../../admission/pending-socket.js";

/** Shorter than any load balancer's own deadline, ms. */
const DEADLINE_MS = 1_000;
const MAX_WAITING = 64;

export interface HealthCheckEvents<Worker> {
  /** Those that are ready. */
  workers(): readonly Worker[];
  /** Asks one; `answered` follows. */
  ask(worker: Worker): void;
  /** How the check ended: a worker has answered, or none has in time. */
  ended(socket: PendingSocket, result: "healthy" | "no_worker"): void;
}

export class HealthChecks<Worker> {
  readonly #events: HealthCheckEvents<Worker>;
  readonly #clock: Clock;
  #waiting: PendingSocket[] = [];
  /** The end of the question under way, if one is. */
  #deadline: Timer | undefined;
  /**
   * Workers that owe an answer: they are not asked again, so that questions do not pile up for one that has
   * stopped.
   */
  readonly #asked = new Set<Worker>();

  constructor(events: HealthCheckEvents<Worker>, clock: Clock) {
    this.#events = events;
    this.#clock = clock;
  }

  /** Takes a socket over, unless no worker is ready (`later`) or too many wait. */
  take(socket: PendingSocket): "assigned" | "later" | "limit_pending" {
    const workers = this.#events.workers();
    if (workers.length === 0) return "later";
    if (this.#waiting.length >= MAX_WAITING) return "limit_pending";
    this.#waiting.push(socket);
    if (this.#deadline !== undefined) return "assigned";
    this.#deadline = this.#clock.after(DEADLINE_MS, () => this.#end("no_worker"));
    for (const worker of workers) {
      if (this.#asked.has(worker)) continue;
      this.#asked.add(worker);
      this.#events.ask(worker);
    }
    return "assigned";
  }

  /** A worker has answered: its loop turns, whenever it was asked. */
  answered(worker: Worker): void {
    this.#asked.delete(worker);
    if (this.#deadline !== undefined) this.#end("healthy");
  }

  /** A worker will not answer any more. */
  gone(worker: Worker): void {
    this.#asked.delete(worker);
  }

  /** Gives those that wait back. */
  drain(): readonly PendingSocket[] {
    this.#deadline?.cancel();
    this.#deadline = undefined;
    return this.#waiting.splice(0);
  }

  #end(result: "healthy" | "no_worker"): void {
    for (const socket of this.drain()) this.#events.ended(socket, result);
  }
}
