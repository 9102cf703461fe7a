/**
 * What a worker reads of itself when a scrape asks: the table of its gauges.
 *
 * What it counts as it happens is in `metrics.ts`. Invariant: a row whose value means one process carries the
 * worker's slot as a label, because a sum over workers would be a lie.
 */

import { createRequire } from "node:module";
import { type ApartStates, BROKER_PARTS, type BrokerState } from "@holdfast/core";
import type { Registry } from "prom-client";
import type { EngineName } from "../runtime/engine-choice.js";
import { LOG_ROWS, type ReadingRow, registerReadings } from "./reading-table.js";

export interface LoopDelays {
  /** Seconds. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What is read only when a scrape asks. */
export interface Readings {
  readonly engine: EngineName;
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
  readonly brokerApart: ApartStates;
  readonly loop: LoopDelays;
  /** Undefined where the canary is off. */
  readonly canary?: { readonly instances: number; readonly skewSeconds: number } | undefined;
}

/** One reading, and what the process says of its memory at the same moment. */
interface Reading extends Readings {
  readonly memory: NodeJS.MemoryUsage;
}

type Row = ReadingRow<Reading>;

/** Adds the gauges of the worker in `slot` to its registry. `read` is called once for each snapshot. */
export function registerWorkerReadings(registry: Registry, slot: number, read: () => Readings): void {
  const rows = [...SUMS, ...ofProcess(String(slot)), BUILD, ...LOG_ROWS];
  registerReadings(registry, rows, () => ({ ...read(), memory: process.memoryUsage() }));
}

/** Rows whose sum over workers is the instance's number. */
const SUMS: readonly Row[] = [
  sum("connections", "Open connections", ({ connections }) => connections),
  sum("subscriptions", "Channels held by connections", ({ subscriptions }) => subscriptions),
  sum(
    "subscriptions_behind",
    "Channels skipped for slow connections until they have read more",
    ({ subscriptionsBehind }) => subscriptionsBehind,
  ),
  sum("presence_members", "Sessions in channels with presence", ({ presenceMembers }) => presenceMembers),
];

const BUILD: Row = {
  name: "build_info",
  help: "Always 1; versions and the WebSocket engine in the labels",
  type: "gauge",
  labels: ["version", "node", "engine"],
  aggregator: "first",
  values: ({ engine }) => [[{ version: packageVersion(), node: process.version, engine }, 1]],
};

function sum(name: string, help: string, values: (reading: Reading) => number): Row {
  return { name, help, type: "gauge", values };
}

/** Rows that mean one process. */
function ofProcess(worker: string): readonly Row[] {
  const row = (name: string, help: string, value: (reading: Reading) => number): Row => ({
    name,
    help,
    type: "gauge",
    labels: ["worker"],
    values: (reading) => [[{ worker }, value(reading)]],
  });
  return [
    row("presence_views", "Channels whose members the worker follows", (now) => now.presenceViews),
    row("revocations", "Revocations that the worker knows", (now) => now.revocations),
    row(
      "unfinished_bytes",
      "Bytes that the worker holds of messages and bodies whose rest has not come",
      (now) => now.unfinishedBytes,
    ),
    row("reads_waiting", "Reads of clients that wait for their turn", (now) => now.readsWaiting),
    row("topics", "Topics that the worker listens to at the broker", (now) => now.topics),
    row("resident_memory_bytes", "Resident memory", ({ memory }) => memory.rss),
    row("heap_used_bytes", "V8 heap in use", ({ memory }) => memory.heapUsed),
    row(
      "external_memory_bytes",
      "Memory of buffers and other objects outside the heap",
      ({ memory }) => memory.external,
    ),
    {
      name: "event_loop_delay_seconds",
      help: "Delay of the event loop since the last scrape",
      type: "gauge",
      labels: ["worker", "quantile"],
      values: ({ loop }) => [
        [{ worker, quantile: "0.5" }, loop.p50],
        [{ worker, quantile: "0.99" }, loop.p99],
        [{ worker, quantile: "1" }, loop.max],
      ],
    },
    ...canaryRows(worker),
    row("broker_ready", "Whether the worker's broker can be reached: 1 or 0", ({ brokerState }) =>
      brokerState === "ready" ? 1 : 0,
    ),
    {
      name: "broker_part_ready",
      help: "Whether the worker reaches the Redis that a part has of its own: 1 or 0; without one, no value",
      type: "gauge",
      labels: ["worker", "part"],
      values: ({ brokerApart }) =>
        BROKER_PARTS.filter((part) => brokerApart[part] !== undefined).map((part) => [
          { worker, part },
          brokerApart[part] === "ready" ? 1 : 0,
        ]),
    },
  ];
}

/** Without values where the canary is off. */
function canaryRows(worker: string): readonly Row[] {
  type Canary = Exclude<Readings["canary"], undefined>;
  const row = (name: string, help: string, value: (canary: Canary) => number): Row => ({
    name,
    help,
    type: "gauge",
    labels: ["worker"],
    values: ({ canary }) => (canary === undefined ? [] : [[{ worker }, value(canary)]]),
  });
  return [
    row(
      "canary_instances",
      "Instances whose canaries the worker hears, its own included",
      ({ instances }) => instances,
    ),
    row(
      "canary_skew_seconds",
      "The largest difference between another instance's wall clock and this one's, estimated by canaries",
      ({ skewSeconds }) => skewSeconds,
    ),
  ];
}

/** The version of this package. */
export function packageVersion(): string {
  return (createRequire(import.meta.url)("../../package.json") as { version: string }).version;
}
