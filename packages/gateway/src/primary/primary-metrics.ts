/**
 * The primary's own numbers: the front door and the workers' lives. Merged with the workers' into one answer.
 */
import { Counter, Gauge, Registry } from "prom-client";
import { DoorMetrics } from "../admission/door-metrics.js";
import type { Refused } from "../admission/front-answers.js";
import { type MetricsSnapshot, snapshotOf } from "../metrics.js";

/** What is read only when somebody asks. */
export interface PrimaryReadings {
  readonly workers: number;
  readonly pending: number;
}

export class PrimaryMetrics {
  readonly #registry = new Registry();
  readonly #door = new DoorMetrics(this.#registry);
  readonly #handedOver: Counter;
  readonly #restarts: Counter;
  readonly #pauses: Counter;

  /** `read` is called once for each snapshot. */
  constructor(read: () => PrimaryReadings) {
    const registers = [this.#registry];
    this.#handedOver = new Counter({
      name: "holdfast_hand_offs_total",
      help: "Sockets handed to a worker",
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
    this.#door.accepted();
  }

  handedOver(): void {
    this.#handedOver.inc();
  }

  refused(reason: Refused): void {
    this.#door.refused(reason);
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
