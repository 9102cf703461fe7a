/**
 * The primary's own numbers: the front door and the workers' lives. Merged with the workers' into one answer.
 */
import { Counter, Gauge, Registry } from "prom-client";
import { DoorMetrics } from "../../admission/door-metrics.js";
import type { Refused } from "../../admission/front-answers.js";
import type { CutReason } from "../../http/exchanges.js";
import {
  inputPauses,
  limitedLines,
  lostLines,
  type MetricsSnapshot,
  snapshotOf,
} from "../../link/metrics.js";
import { DRAIN_STATES, type DrainProgress } from "./instance-drain.js";

/** What is read only when a scrape asks. */
export interface PrimaryReadings {
  readonly workers: number;
  readonly pending: number;
  /** The setting: connections that the instance takes at the most. */
  readonly maxConnections: number;
  readonly drain: DrainProgress;
  /** Workers that a reload has yet to replace. */
  readonly reloadLeft: number;
  readonly logLinesLost: number;
  readonly logLinesLimited: number;
  /** Of the embedded broker: characters of logs and keys, and how many were forgotten before their time. */
  readonly kept: { readonly chars: number; readonly forgotten: number };
}

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

  /** `read` is called once for each snapshot. */
  constructor(read: () => PrimaryReadings) {
    const registers = [this.#registry];
    this.#inputPauses = inputPauses(this.#registry);
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
    // The first gauge that the registry asks takes the reading for all.
    new Gauge({
      name: "holdfast_workers",
      help: "Workers that are ready",
      registers,
      collect() {
        const now = read();
        this.set(now.workers);
        pending.set(now.pending);
        most.set(now.maxConnections);
        reloadLeft.set(now.reloadLeft);
        for (const state of DRAIN_STATES) drainState.set({ state }, now.drain.state === state ? 1 : 0);
        lost.reset();
        lost.inc(now.logLinesLost);
        limited.reset();
        limited.inc(now.logLinesLimited);
        kept.set(now.kept.chars);
        forgotten.reset();
        forgotten.inc(now.kept.forgotten);
        drainLeft.set(now.drain.state === "serving" ? 0 : now.drain.left);
      },
    });
    const most = new Gauge({
      name: "holdfast_connections_limit",
      help: "Connections that the instance takes at the most: the setting maxConnections",
      registers,
    });
    const lost = lostLines(this.#registry);
    const limited = limitedLines(this.#registry);
    const kept = new Gauge({
      name: "holdfast_embedded_kept_bytes",
      help: "What the embedded broker keeps of histories and idempotency keys, about; 0 with Redis",
      registers,
    });
    const forgotten = new Counter({
      name: "holdfast_embedded_forgotten_total",
      help: "Histories and idempotency keys that the embedded broker forgot before their time, as they took too much memory",
      registers,
    });
    const reloadLeft = new Gauge({
      name: "holdfast_reload_workers_left",
      help: "Workers that a reload has yet to replace",
      registers,
    });
    const drainState = new Gauge({
      name: "holdfast_drain_state",
      help: "1 for the state that the instance's drain is in, 0 for the others",
      labelNames: ["state"],
      registers,
    });
    const drainLeft = new Gauge({
      name: "holdfast_drain_connections_left",
      help: "Connections that the instance's drain has yet to see off, 0 while there is none",
      registers,
    });
    const pending = new Gauge({
      name: "holdfast_sockets_pending",
      help: "Sockets whose request is being read, or that wait for a worker",
      registers,
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

  /** A connection was not read for the rest of a turn of the event loop. */
  inputPaused(): void {
    this.#inputPauses.inc();
  }

  snapshot(): Promise<MetricsSnapshot> {
    return snapshotOf(this.#registry);
  }
}
