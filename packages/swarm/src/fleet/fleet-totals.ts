/**
 * All agents of a run added up. Pure.
 *
 * Invariant: what an agent had when it died is lost, unless others have opened it again; then it is moved.
 */
import type { AgentReport } from "../messages.js";

export interface FleetTotals {
  /** Attempts that were begun, without those that were repeated. */
  readonly opened: number;
  readonly connected: number;
  readonly undecided: number;
  readonly givenUp: number;
  readonly lost: number;
  /** Connections that are over for good. */
  readonly over: number;
  /** Sessions that stand again: after a loss, a storm, or a turn of the churn. */
  readonly again: number;
  /** Connections of agents that died, which others have opened in their place. */
  readonly moved: number;
  readonly pings: number;
  /** What clients sent themselves, what of it failed, and what they heard of it. */
  readonly sent: number;
  readonly refused: number;
  readonly heard: number;
  readonly failures: Readonly<Record<string, number>>;
}

/** One agent, for the sum. */
export interface CountedAgent {
  readonly report: AgentReport;
  readonly opened: number;
  readonly undecided: number;
  /** Of an agent that died: connections that others open in its place. */
  readonly moved: number;
}

const ADDED = [
  "connected",
  "givenUp",
  "lost",
  "over",
  "again",
  "pings",
  "sent",
  "refused",
  "heard",
] as const satisfies (keyof AgentReport)[];

export function totalsOf(agents: Iterable<CountedAgent>): FleetTotals {
  const sum = {
    opened: 0,
    connected: 0,
    undecided: 0,
    givenUp: 0,
    lost: 0,
    over: 0,
    again: 0,
    moved: 0,
    pings: 0,
    sent: 0,
    refused: 0,
    heard: 0,
  };
  const failures: Record<string, number> = {};
  for (const { report, opened, undecided, moved } of agents) {
    sum.opened += opened - moved;
    sum.undecided += undecided;
    sum.moved += moved;
    sum.lost -= moved;
    sum.over -= moved;
    for (const name of ADDED) sum[name] += report[name];
    for (const [reason, count] of Object.entries(report.failures)) {
      failures[reason] = (failures[reason] ?? 0) + count;
    }
  }
  return { ...sum, failures };
}
