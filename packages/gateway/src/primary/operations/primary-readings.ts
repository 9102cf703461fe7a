/**
 * What the primary reads of itself when a scrape asks: the table of its gauges.
 *
 * What it counts as it happens is in `primary-metrics.ts`.
 */
import type { Registry } from "prom-client";
import { type LabelledValue, LOG_ROWS, type ReadingRow, registerReadings } from "../../link/reading-table.js";
import { REBALANCE_PHASES, type RebalanceReport } from "../rebalance/report.js";
import { DRAIN_STATES, type DrainProgress } from "./instance-drain.js";
import type { CertificateReading } from "./port-certificates.js";

/** What is read only when a scrape asks. */
export interface PrimaryReadings {
  readonly workers: number;
  /** The setting: workers that the instance shall have. */
  readonly wantedWorkers: number;
  readonly pending: number;
  /** The setting: connections that the instance takes at the most. */
  readonly maxConnections: number;
  readonly drain: DrainProgress;
  /** Workers that a reload has yet to replace. */
  readonly reloadLeft: number;
  /** Undefined while there is no cluster. */
  readonly rebalance?: { readonly share: number; readonly phase: RebalanceReport["phase"] } | undefined;
  readonly logLinesLost: number;
  readonly logLinesLimited: number;
  /** Of the embedded broker: characters of logs and keys, and how many were forgotten before their time. */
  readonly kept: { readonly chars: number; readonly forgotten: number };
  /** Of the ports that speak TLS. */
  readonly certificates: readonly CertificateReading[];
}

/** Adds the gauges to the primary's registry. `read` is called once for each snapshot. */
export function registerPrimaryReadings(registry: Registry, read: () => PrimaryReadings): void {
  registerReadings(registry, ROWS, read);
}

const ROWS: readonly ReadingRow<PrimaryReadings>[] = [
  { name: "workers", help: "Workers that are ready", type: "gauge", values: ({ workers }) => workers },
  {
    name: "workers_wanted",
    help: "Workers that the instance shall have: the setting workers",
    type: "gauge",
    values: ({ wantedWorkers }) => wantedWorkers,
  },
  {
    name: "connections_limit",
    help: "Connections that the instance takes at the most: the setting maxConnections",
    type: "gauge",
    values: ({ maxConnections }) => maxConnections,
  },
  ...LOG_ROWS,
  {
    name: "embedded_kept_bytes",
    help: "What the embedded broker keeps of histories and idempotency keys, about; 0 with Redis",
    type: "gauge",
    values: ({ kept }) => kept.chars,
  },
  {
    name: "embedded_forgotten_total",
    help: "Histories and idempotency keys that the embedded broker forgot before their time, as they took too much memory",
    type: "counter",
    values: ({ kept }) => kept.forgotten,
  },
  {
    name: "reload_workers_left",
    help: "Workers that a reload has yet to replace",
    type: "gauge",
    values: ({ reloadLeft }) => reloadLeft,
  },
  {
    name: "drain_state",
    help: "1 for the state that the instance's drain is in, 0 for the others",
    type: "gauge",
    labels: ["state"],
    values: ({ drain }) => DRAIN_STATES.map((state) => [{ state }, drain.state === state ? 1 : 0]),
  },
  {
    name: "drain_connections_left",
    help: "Connections that the instance's drain has yet to see off, 0 while there is none",
    type: "gauge",
    values: ({ drain }) => (drain.state === "serving" ? 0 : drain.left),
  },
  {
    name: "rebalance_share",
    help: "Clients that the instance would hold if those of the cluster were spread as they should be; 0 without a cluster",
    type: "gauge",
    values: ({ rebalance }) => Math.round(rebalance?.share ?? 0),
  },
  {
    name: "rebalance_state",
    help: "1 for the state that the instance's rebalance is in, 0 for the others",
    type: "gauge",
    labels: ["state"],
    values: ({ rebalance }) =>
      REBALANCE_PHASES.map((state) => [{ state }, (rebalance?.phase ?? "idle") === state ? 1 : 0]),
  },
  {
    name: "sockets_pending",
    help: "Sockets whose request is being read, or that wait for a worker",
    type: "gauge",
    values: ({ pending }) => pending,
  },
  {
    name: "tls_certificate_expires_seconds",
    help: "When the first certificate of a port that speaks TLS expires, in seconds since 1970",
    type: "gauge",
    labels: ["port"],
    values: ({ certificates }) =>
      certificates.map(({ port, expiresAt }) => [{ port }, Math.floor(expiresAt / 1000)]),
  },
  {
    name: "tls_renewals_total",
    help: "Changed certificate files that were read while the instance ran, by port and by whether they are served (loaded) or were bad (refused)",
    type: "counter",
    labels: ["port", "result"],
    values: ({ certificates }) =>
      certificates.flatMap(({ port, renewals }) =>
        (["loaded", "refused"] as const).map((result): LabelledValue => [{ port, result }, renewals[result]]),
      ),
  },
];
