/**
 * The metrics seam on prom-client, and what the edge adds to core's numbers: all that a worker counts as it
 * happens.
 *
 * A worker keeps its own registry (never the package's global one) and answers with snapshots
 * (`metrics-snapshot.ts`), which the primary merges. What is read only when a scrape asks stands in
 * `worker-readings.ts`. Invariant: each name is registered once, at the start, and a scrape shows all.
 */
import { COUNTERS, type CounterName, HISTOGRAMS, type HistogramName, type Metrics } from "@holdfast/core";
import { Counter, Histogram, Registry } from "prom-client";
import type { CutReason } from "../http/exchanges.js";
import { HANDSHAKE_ENDS, type HandshakeEnd } from "../tls/tls-acceptor.js";
import { LATENCY_BOUNDS, LatencyCounts } from "./latency-counts.js";
import { type MetricsSnapshot, snapshotOf } from "./metrics-snapshot.js";
import { type Readings, registerWorkerReadings } from "./worker-readings.js";
import { REPORTED, type WorkerReport } from "./worker-report.js";

export type GcKind = "minor" | "major" | "incremental" | "weak_callbacks" | "other";

/**
 * What became of a request for another worker's session: answered by that worker, here or in another
 * instance; by us, as no other worker could, or as there were too many already; sent back to the instance
 * that it came from; or 503.
 */
export type RoutedWay = "relayed" | "forwarded" | "here" | "full" | "misdirected" | "failed";

/** Which limit an open met. */
export type SessionRefusal =
  | "limit_connections"
  | "limit_connection_rate"
  | "limit_address_rate"
  | "limit_address";

const LATENCY_BUCKETS = [...LATENCY_BOUNDS];

export class WorkerMetrics implements Metrics {
  readonly #registry = new Registry();
  readonly #counts = Object.fromEntries(Object.keys(COUNTERS).map((name) => [name, 0])) as Record<
    CounterName,
    number
  >;
  readonly #histograms: Readonly<Record<HistogramName, Histogram>>;
  readonly #handshakes: Histogram;
  readonly #refusals: Counter<"status">;
  readonly #requests: Counter<"worker">;
  readonly #routed: Counter<"way">;
  readonly #sessionRefusals: Counter<"reason">;
  readonly #cuts: Counter<"why">;
  readonly #inputPauses: Counter;
  readonly #shakes: Counter<"result">;
  readonly #gcPauses: Histogram<"kind">;
  readonly #worker: string;
  readonly #viewed = { delivery: new LatencyCounts(), loop: new LatencyCounts(), gc: new LatencyCounts() };
  #gcSeconds = 0;

  /** `read` is called once for each snapshot. */
  constructor(slot: number, read: () => Readings) {
    this.#worker = String(slot);
    for (const name of Object.keys(COUNTERS)) hotCounter(this.#registry, name as CounterName, this.#counts);
    this.#histograms = Object.fromEntries(
      Object.entries(HISTOGRAMS).map(([name, help]) => [name, latencies(this.#registry, name, help)]),
    ) as Record<HistogramName, Histogram>;
    this.#handshakes = latencies(
      this.#registry,
      "handshake_seconds",
      "From a socket's arrival at the worker to its answer as a WebSocket",
    );
    this.#refusals = new Counter({
      name: "holdfast_handshakes_refused_total",
      help: "WebSocket requests refused by a worker, by HTTP status",
      labelNames: ["status"],
      registers: [this.#registry],
    });
    this.#requests = new Counter({
      name: "holdfast_http_requests_total",
      help: "Plain HTTP requests answered, by the worker that answered",
      labelNames: ["worker"],
      registers: [this.#registry],
    });
    this.#routed = new Counter({
      name: "holdfast_http_requests_routed_total",
      help: "Plain HTTP requests that named another worker's session, by what became of them",
      labelNames: ["way"],
      registers: [this.#registry],
    });
    this.#sessionRefusals = new Counter({
      name: "holdfast_sessions_refused_total",
      help: "Sessions and tickets that HTTP requests asked for and that were refused with 503, by the limit that they met",
      labelNames: ["reason"],
      registers: [this.#registry],
    });
    this.#cuts = new Counter({
      name: "holdfast_http_connections_cut_total",
      help: "HTTP connections that were cut: for more requests at once than are answered (pipelined), for an answer that was not read in time (unread), for more bytes behind an answer than are dropped (surplus)",
      labelNames: ["why"],
      registers: [this.#registry],
    });
    this.#inputPauses = inputPauses(this.#registry);
    this.#shakes = new Counter({
      name: "holdfast_tls_handshakes_total",
      help: "TLS handshakes of the public port, by how they ended: done, failed (by either side), late (met headTimeout), crowded (too many at once)",
      labelNames: ["result"],
      registers: [this.#registry],
    });
    for (const result of HANDSHAKE_ENDS) this.#shakes.inc({ result }, 0);
    this.#gcPauses = new Histogram({
      name: "holdfast_gc_pause_seconds",
      help: "Garbage collections, V8's own and forced ones, by kind",
      labelNames: ["kind"],
      buckets: LATENCY_BUCKETS,
      registers: [this.#registry],
    });
    registerWorkerReadings(this.#registry, slot, read);
  }

  add(counter: CounterName, amount: number): void {
    this.#counts[counter] += amount;
  }

  observe(histogram: HistogramName, seconds: number): void {
    this.#histograms[histogram].observe(seconds);
    if (histogram === "canary_seconds") this.#viewed.delivery.add(seconds);
  }

  /** The largest delay of the event loop since the last load report, for viewers. */
  loopDelay(seconds: number): void {
    this.#viewed.loop.add(seconds);
  }

  /** An accepted upgrade, and how long it took. */
  accepted(seconds: number): void {
    this.#handshakes.observe(seconds);
  }

  /** A refused upgrade. */
  refused(status: number): void {
    this.#refusals.inc({ status: String(status) });
  }

  /** A plain HTTP request that was answered here. */
  answered(): void {
    this.#requests.inc({ worker: this.#worker });
  }

  /** A plain HTTP request that named another worker's session. */
  routed(way: RoutedWay): void {
    this.#routed.inc({ way });
  }

  /** A session that was not opened. */
  sessionRefused(reason: SessionRefusal): void {
    this.#sessionRefusals.inc({ reason });
  }

  /** An HTTP connection that was cut. */
  cut(why: CutReason): void {
    this.#cuts.inc({ why });
  }

  /** A TLS handshake has ended. */
  shaken(result: HandshakeEnd): void {
    this.#shakes.inc({ result });
  }

  /** A connection was not read for the rest of a turn of the event loop. */
  inputPaused(): void {
    this.#inputPauses.inc();
  }

  gcPause(kind: GcKind, seconds: number): void {
    this.#gcSeconds += seconds;
    this.#viewed.gc.add(seconds);
    this.#gcPauses.observe({ kind }, seconds);
  }

  snapshot(): Promise<MetricsSnapshot> {
    return snapshotOf(this.#registry);
  }

  /** What viewers see of the counters, without a scrape. */
  reported(): Pick<WorkerReport, "counters" | "gcSeconds" | "latencies"> {
    const counters = Object.fromEntries(REPORTED.map((name) => [name, this.#counts[name]]));
    const { delivery, loop, gc } = this.#viewed;
    return {
      counters: counters as WorkerReport["counters"],
      gcSeconds: Math.round(this.#gcSeconds * 1000) / 1000,
      latencies: { delivery: delivery.read(), loop: loop.read(), gc: gc.read() },
    };
  }
}

/** Counted in a plain object and copied when read: these are the hot ones. */
function hotCounter(
  registry: Registry,
  name: CounterName,
  counts: Readonly<Record<CounterName, number>>,
): void {
  new Counter({
    name: `holdfast_${name}_total`,
    help: COUNTERS[name],
    registers: [registry],
    collect() {
      this.reset();
      this.inc(counts[name]);
    },
  });
}

function latencies(registry: Registry, name: string, help: string): Histogram {
  return new Histogram({ name: `holdfast_${name}`, help, buckets: LATENCY_BUCKETS, registers: [registry] });
}

/** The same in the primary and in its workers: their numbers add up. */
export function inputPauses(registry: Registry): Counter {
  return new Counter({
    name: "holdfast_input_pauses_total",
    help: "Times that a connection was read on in a later turn of the event loop, because it, or all together, had brought as much in one as they may",
    registers: [registry],
  });
}

/** The same in the primary, which publishes for the admin API, and in its workers: their numbers add up. */
export function traceContextsDropped(registry: Registry): Counter {
  return new Counter({
    name: "holdfast_trace_contexts_dropped_total",
    help: COUNTERS.trace_contexts_dropped,
    registers: [registry],
  });
}
