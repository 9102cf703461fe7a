/**
 * A worker report: the figures of one worker that operators watch live. Cheap: no walk over connections.
 *
 * Survives JSON. Counters only grow; a viewer makes rates of two reports.
 */
import type { BrokerState, CounterName, IncidentCount } from "@holdfast/core";
import type { Latencies } from "./latency-counts.js";

/** The counters that a viewer sees of each worker; all others are at `/metrics`. */
export const REPORTED = Object.freeze([
  "commands",
  "command_errors",
  "malformed_frames",
  "rate_limited",
  "publications",
  "deliveries",
  "delivered_bytes",
  "fanout_dropped",
  "gaps",
  "recovered",
  "unrecovered",
  "slow_consumers",
  "publications_skipped",
  "publish_refused",
  "tokens_refused",
  "connections_opened",
  "connections_closed",
  "sessions_resumed",
  "keepalive_timeouts",
  "topics_skipped",
] as const satisfies readonly CounterName[]);

export type ReportedCounter = (typeof REPORTED)[number];

/** What a worker hears of canaries. */
export interface CanaryReport {
  /** Instances that it hears, its own included. */
  readonly instances: number;
  readonly intervalMs: number;
  /** For how long it has heard none, while its broker could be reached, ms. */
  readonly silentMs: number;
}

export interface WorkerReport {
  readonly slot: number;
  readonly pid: number;
  readonly connections: number;
  readonly topics: number;
  readonly detached: number;
  readonly members: number;
  readonly subscriptionsBehind: number;
  readonly readsWaiting: number;
  readonly broker: BrokerState;
  /** How late the broker's signs of life come, ms; left out where they are not measured. */
  readonly brokerDelayMs?: number;
  /** Left out where the canary is off. */
  readonly canary?: CanaryReport;
  readonly latencies: Latencies;
  /** What went wrong for clients in the last five minutes. */
  readonly incidents: readonly IncidentCount[];
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly externalBytes: number;
  /** The share of time since the last report in which the event loop worked, 0–1. */
  readonly utilization: number;
  /** Seconds that all garbage collections took since the start. */
  readonly gcSeconds: number;
  readonly counters: Readonly<Record<ReportedCounter, number>>;
}
