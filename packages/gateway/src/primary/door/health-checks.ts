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

  /** Takes a socket over; false when too many wait. */
  add(socket: PendingSocket): boolean {
    if (this.#waiting.length >= MAX_WAITING) return false;
    this.#waiting.push(socket);
    if (this.#deadline !== undefined) return true;
    this.#deadline = this.#clock.after(DEADLINE_MS, () => this.#end("no_worker"));
    for (const worker of this.#events.workers()) {
      if (this.#asked.has(worker)) continue;
      this.#asked.add(worker);
      this.#events.ask(worker);
    }
    return true;
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
