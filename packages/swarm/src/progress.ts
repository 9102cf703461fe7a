/**
 * How far a run is, as its terminal and operators of its hosts are told.
 */
import type { FleetTotals } from "./fleet/fleet-totals.js";

export type Phase = "opening" | "holding" | "broadcasting" | "storm" | "drain" | "ending";

export interface Progress extends FleetTotals {
  readonly phase: Phase;
  readonly connections: number;
  readonly agents: number;
  /** Connected in the last seconds. */
  readonly perSecond: number;
  /** Until the end of the phase, if that can be said. */
  readonly etaSeconds: number | undefined;
}
