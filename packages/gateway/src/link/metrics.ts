/**
 * The metrics seam on prom-client, and what the edge adds to core's numbers.
 *
 * A worker keeps its own registry (never the package's global one) and answers with snapshots; the primary
 * merges them. Counters and histograms add up. Gauges that mean one process (memory, delay, the broker as
 * seen from there) carry the worker's slot as a label, because their sum would be a lie.
 */
import { createRequire } from "node:module";
import {
  type BrokerState,
  COUNTERS,
  type CounterName,
  HISTOGRAMS,
  type HistogramName,
  type Metrics,
} from "@holdfast/core";
import { AggregatorRegistry, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { CutReason } from "../http/exchanges.js";

export type GcKind = "minor" | "major" | "incremental" | "weak_callbacks" | "other";

export interface LoopDelays {
  /** Seconds. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

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

/** A registry as JSON. Survives `JSON.stringify`. */
export type MetricsSnapshot = readonly {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator: string;
  readonly values: readonly {
    readonly value: number;
    readonly labels: Readonly<Record<string, string | number>>;
    readonly metricName?: string;
  }[];
}[];

/** What is read only when a scrape asks. */
export interface Readings {
  readonly connections: number;
  readonly subscriptions: number;
  readonly subscriptionsBehind: number;
  readonly topics: number;
  readonly presenceMembers: number;
  readonly presenceViews: number;
  readonly revocations: number;
  readonly logLinesLost: number;
  readonly logLinesLimited: number;
  readonly unfinishedBytes: number;
  readonly readsWaiting: number;
  readonly brokerState: BrokerState;
  readonly loop: LoopDelays;
}

/** Seconds, from 0.1 ms to 10 s. */
const LATENCY_BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

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
  readonly #gcPauses: Histogram<"kind">;
  readonly #worker: string;

  /** `read` is called once for each snapshot. */
  constructor(slot: number, read: () => Readings) {
    this.#worker = String(slot);
    for (const [name, help] of Object.entries(COUNTERS)) this.#counter(name as CounterName, help);
    this.#histograms = Object.fromEntries(
      Object.entries(HISTOGRAMS).map(([name, help]) => [name, this.#histogram(name, help)]),
    ) as Record<HistogramName, Histogram>;
    this.#handshakes = this.#histogram(
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
    this.#gcPauses = new Histogram({
      name: "holdfast_gc_pause_seconds",
      help: "Garbage collections, V8's own and forced ones, by kind",
      labelNames: ["kind"],
      buckets: LATENCY_BUCKETS,
      registers: [this.#registry],
    });
    this.#gauges(this.#worker, read);
  }

  add(counter: CounterName, amount: number): void {
    this.#counts[counter] += amount;
  }

  observe(histogram: HistogramName, seconds: number): void {
    this.#histograms[histogram].observe(seconds);
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

  /** A connection was not read for the rest of a turn of the event loop. */
  inputPaused(): void {
    this.#inputPauses.inc();
  }

  gcPause(kind: GcKind, seconds: number): void {
    this.#gcPauses.observe({ kind }, seconds);
  }

  snapshot(): Promise<MetricsSnapshot> {
    return snapshotOf(this.#registry);
  }

  /** Counted in a plain object and copied when read: these are the hot ones. */
  #counter(name: CounterName, help: string): void {
    const counts = this.#counts;
    new Counter({
      name: `holdfast_${name}_total`,
      help,
      registers: [this.#registry],
      collect() {
        this.reset();
        this.inc(counts[name]);
      },
    });
  }

  #histogram(name: string, help: string): Histogram {
    return new Histogram({
      name: `holdfast_${name}`,
      help,
      buckets: LATENCY_BUCKETS,
      registers: [this.#registry],
    });
  }

  #gauges(worker: string, read: () => Readings): void {
    const registers = [this.#registry];
    // One reading for all gauges, taken by the one that the registry asks first.
    const connections = new Gauge({
      name: "holdfast_connections",
      help: "Open connections",
      registers,
      collect: () => takeReadings(),
    });
    const subscriptions = new Gauge({
      name: "holdfast_subscriptions",
      help: "Channels held by connections",
      registers,
    });
    const behind = new Gauge({
      name: "holdfast_subscriptions_behind",
      help: "Channels skipped for slow connections until they have read more",
      registers,
    });
    const ofWorker = <Label extends string = never>(name: string, help: string, ...labels: Label[]) =>
      new Gauge({ name: `holdfast_${name}`, help, labelNames: ["worker", ...labels], registers });
    const members = new Gauge({
      name: "holdfast_presence_members",
      help: "Sessions in channels with presence",
      registers,
    });
    const views = ofWorker("presence_views", "Channels whose members the worker follows");
    const revocations = ofWorker("revocations", "Revocations that the worker knows");
    const unfinished = ofWorker(
      "unfinished_bytes",
      "Bytes that the worker holds of messages and bodies whose rest has not come",
    );
    const readsWaiting = ofWorker("reads_waiting", "Reads of clients that wait for their turn");
    const topics = ofWorker("topics", "Topics that the worker listens to at the broker");
    const rss = ofWorker("resident_memory_bytes", "Resident memory");
    const heap = ofWorker("heap_used_bytes", "V8 heap in use");
    const external = ofWorker(
      "external_memory_bytes",
      "Memory of buffers and other objects outside the heap",
    );
    const lag = ofWorker(
      "event_loop_delay_seconds",
      "Delay of the event loop since the last scrape",
      "quantile",
    );
    const broker = ofWorker("broker_ready", "Whether the worker's broker can be reached: 1 or 0");
    new Gauge({
      name: "holdfast_build_info",
      help: "Always 1; versions in the labels",
      labelNames: ["version", "node"],
      aggregator: "first",
      registers,
    }).set({ version: packageVersion(), node: process.version }, 1);
    const lost = lostLines(this.#registry);
    const limited = limitedLines(this.#registry);
    const takeReadings = (): void => {
      const now = read();
      const memory = process.memoryUsage();
      connections.set(now.connections);
      subscriptions.set(now.subscriptions);
      behind.set(now.subscriptionsBehind);
      members.set(now.presenceMembers);
      views.set({ worker }, now.presenceViews);
      revocations.set({ worker }, now.revocations);
      unfinished.set({ worker }, now.unfinishedBytes);
      readsWaiting.set({ worker }, now.readsWaiting);
      topics.set({ worker }, now.topics);
      lost.reset();
      lost.inc(now.logLinesLost);
      limited.reset();
      limited.inc(now.logLinesLimited);
      rss.set({ worker }, memory.rss);
      heap.set({ worker }, memory.heapUsed);
      external.set({ worker }, memory.external);
      lag.set({ worker, quantile: "0.5" }, now.loop.p50);
      lag.set({ worker, quantile: "0.99" }, now.loop.p99);
      lag.set({ worker, quantile: "1" }, now.loop.max);
      broker.set({ worker }, now.brokerState === "ready" ? 1 : 0);
    };
  }
}

/** The same in the primary and in its workers: their numbers add up. */
export function lostLines(registry: Registry): Counter {
  return new Counter({
    name: "holdfast_log_lines_lost_total",
    help: "Log lines that standard output did not take: a full disk, or a reader that stands still or is gone",
    registers: [registry],
  });
}

/** Likewise. */
export function limitedLines(registry: Registry): Counter {
  return new Counter({
    name: "holdfast_log_lines_limited_total",
    help: "Log lines that were left out, as there were too many of the same message",
    registers: [registry],
  });
}

/** Likewise. */
export function inputPauses(registry: Registry): Counter {
  return new Counter({
    name: "holdfast_input_pauses_total",
    help: "Times that a connection was read on in a later turn of the event loop, because it, or all together, had brought as much in one as they may",
    registers: [registry],
  });
}

/** For registries of the primary's own. */
export async function snapshotOf(registry: Registry): Promise<MetricsSnapshot> {
  return (await registry.getMetricsAsJSON()) as unknown as MetricsSnapshot;
}

/**
 * Without the gauges that mean one process and carry the slot as a label: for a process beside the one that
 * has the slot's place, whose numbers would be added to that one's.
 */
export function withoutProcessGauges(snapshot: MetricsSnapshot): MetricsSnapshot {
  return snapshot.filter(
    ({ type, values }) => type !== "gauge" || !values.some(({ labels }) => labels.worker !== undefined),
  );
}

/** The snapshots of all processes as one text in Prometheus' format. */
export function mergeSnapshots(snapshots: readonly MetricsSnapshot[]): Promise<string> {
  return AggregatorRegistry.aggregate([...snapshots]).metrics();
}

function packageVersion(): string {
  return (createRequire(import.meta.url)("../../package.json") as { version: string }).version;
}
