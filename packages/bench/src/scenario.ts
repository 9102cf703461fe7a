/**
 * The seam of scenarios: what one is, and what it is given to run with.
 */
import type { Peer, PeerOptions, PeerServer } from "./peers/peer.js";
import type { Measurement, ScenarioInfo } from "./result.js";

export interface Scenario extends ScenarioInfo {
  /** Whom it is measured beside, ours included. */
  readonly peers: readonly Peer[];
  /** Runs unless the command line says how many. */
  readonly defaultRuns: number;
  /** Once per run. Every number that is worth a claim is recorded. */
  run(context: RunContext): Promise<void>;
}

export type Recorded = Omit<Measurement, "scenario" | "run" | "others">;

export interface RunContext {
  readonly run: number;
  /** Small sizes: only that it works. */
  readonly quick: boolean;
  record(measurement: Recorded): void;
  /**
   * Starts `peer` if it can be had, measures and stops it. What goes wrong is recorded as missing; it does
   * not end the bench.
   */
  measure(peer: Peer, options: PeerOptions, body: (server: PeerServer) => Promise<void>): Promise<void>;
  /** Records that a part of a scenario cannot be had. */
  missing(peer: string, reason: string): void;
  /** The peers in an order that differs from run to run, so that no peer is always first. */
  rotate<T>(items: readonly T[]): readonly T[];
}
