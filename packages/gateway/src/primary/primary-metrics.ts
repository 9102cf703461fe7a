/**
 * The primary's own numbers: the front door and the workers' lives. Merged with the workers' into one answer.
 */
import { Counter, Gauge, Registry } from "prom-client";
import type { Refused } from "../admission/front-answers.js";
import { type MetricsSnapshot, snapshotOf } from "../metrics.js";

/** What is read only when somebody asks. */
export interface PrimaryReadings {
  readonly workers: number;
  readonly pending: number;
}

export class PrimaryMetrics {
  readonly #registry = new Registry();
  readonly #accepted: Counter;
  readonly #handedOver: Counter;
  readonly #refused: Counter<"reason">;
  readonly #restarts: Counter;
  readonly #pauses: Counter;

  /** `read` is called once for each snapshot. */
  constructor(read: () => PrimaryReadings) {
    const registers = [this.#registry];
    this.#accepted = new Counter({
      name: "holdfast_sockets_accepted_total",
      help: "Sockets accepted",
      registers,
    });
    this.#handedOver = new Counter({
      name: "holdfast_hand_offs_total",
      help: "Sockets handed to a worker",
      registers,
    });
    this.#refused = new Counter({
      name: "holdfast_sockets_refused_total",
      help: "Sockets turned away by the primary, by reason",
      labelNames: ["reason"],
      registers,
    });
    this.#pauses = new Counter({
      name: "holdfast_accept_pauses_total",
      help: "Times a listener left those who came to the kernel's backlog",
      registers,
    });
    this.#restarts = new Counter({
      name: "holdfast_worker_restarts_total",
      help: "Workers started to replace one that ended",
      registers,
    });
    const pending = new Gauge({
      name: "holdfast_sockets_pending",
      help: "Sockets whose request is being read, or that wait for a worker",
      registers,
    });
    new Gauge({
      name: "holdfast_workers",
      help: "Workers that are ready",
      registers,
      collect() {
        const now = read();
        this.set(now.workers);
        pending.set(now.pending);
      },
    });
  }

  accepted(): void {
    this.#accepted.inc();
  }

  handedOver(): void {
    this.#handedOver.inc();
  }

  refused(reason: Refused): void {
    this.#refused.inc({ reason });
  }

  paused(): void {
    this.#pauses.inc();
  }

  restarted(): void {
    this.#restarts.inc();
  }

  snapshot(): Promise<MetricsSnapshot> {
    return snapshotOf(this.#registry);
  }
}
