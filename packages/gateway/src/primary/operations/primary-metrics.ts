/**
 * The primary's own numbers: the front door and the workers' lives, as the primary counts them.
 *
 * What is read only when a scrape asks stands in `primary-readings.ts`. Both are merged with the workers'
 * numbers into one answer (`scrape.ts`).
 */
import { Counter, Registry } from "prom-client";
import { DoorMetrics } from "../../admission/door-metrics.js";
import type { Refused } from "../../admission/front-answers.js";
import type { CutReason } from "../../http/exchanges.js";
import { inputPauses, traceContextsDropped } from "../../link/metrics.js";
import { type MetricsSnapshot, snapshotOf } from "../../link/metrics-snapshot.js";
import { type PrimaryReadings, registerPrimaryReadings } from "./primary-readings.js";

/** How a reload ended; `refused`: its configuration was wrong. */
const RELOAD_RESULTS = ["done", "failed", "stopped", "refused"] as const;

export class PrimaryMetrics {
  readonly #registry = new Registry();
  readonly #door = new DoorMetrics(this.#registry);
  readonly #handedOver: Counter;
  readonly #restarts: Counter;
  readonly #skips: Counter;
  readonly #pauses: Counter;
  readonly #adminRefused: Counter;
  readonly #reloads: Counter<"result">;
  readonly #cuts: Counter<"why">;
  readonly #inputPauses: Counter;
  readonly #traceContextsDropped: Counter;

  /** `read` is called once for each snapshot. */
  constructor(read: () => PrimaryReadings) {
    const registers = [this.#registry];
    this.#inputPauses = inputPauses(this.#registry);
    this.#traceContextsDropped = traceContextsDropped(this.#registry);
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
    this.#adminRefused = new Counter({
      name: "holdfast_admin_refused_total",
      help: "Connections and requests of the admin port that were closed or refused, as there were too many",
      registers,
    });
    this.#skips = new Counter({
      name: "holdfast_link_skips_total",
      help: "Publications left out for a worker of the embedded broker that took them too slowly",
      registers,
    });
    this.#restarts = new Counter({
      name: "holdfast_worker_restarts_total",
      help: "Workers started to replace one that ended",
      registers,
    });
    this.#cuts = new Counter({
      name: "holdfast_admin_connections_cut_total",
      help: "Connections of the admin port that were cut: for more requests at once than are answered (pipelined), for an answer that was not read in time (unread), for more bytes behind an answer than are dropped (surplus)",
      labelNames: ["why"],
      registers,
    });
    this.#reloads = new Counter({
      name: "holdfast_reloads_total",
      help: "Rolling reloads, by how they ended",
      labelNames: ["result"],
      registers,
    });
    for (const result of RELOAD_RESULTS) this.#reloads.inc({ result }, 0);
    registerPrimaryReadings(this.#registry, read);
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

  adminRefused(): void {
    this.#adminRefused.inc();
  }

  paused(): void {
    this.#pauses.inc();
  }

  skipped(): void {
    this.#skips.inc();
  }

  restarted(): void {
    this.#restarts.inc();
  }

  reloaded(result: (typeof RELOAD_RESULTS)[number]): void {
    this.#reloads.inc({ result });
  }

  /** A connection of the admin port that was cut. */
  adminCut(why: CutReason): void {
    this.#cuts.inc({ why });
  }

  /** A trace context of a request to publish was none. */
  traceContextDropped(): void {
    this.#traceContextsDropped.inc();
  }

  /** A connection was not read for the rest of a turn of the event loop. */
  inputPaused(): void {
    this.#inputPauses.inc();
  }

  snapshot(): Promise<MetricsSnapshot> {
    return snapshotOf(this.#registry);
  }
}
