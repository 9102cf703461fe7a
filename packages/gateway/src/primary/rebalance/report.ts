/**
 * The report of a rebalance: what `GET /api/rebalance` answers, for operators.
 *
 * Pure. Invariant: what would be sent away is what the decision would send away, by the same shares.
 */
import {
  type ClusterLoad,
  type Hold,
  type InstanceLoad,
  LATE_MS,
  loadShares,
  type RebalanceMemory,
  startAt,
  stopAt,
} from "./decision.js";

/** `held`: a round is under way and waits. */
export const REBALANCE_PHASES = Object.freeze(["idle", "shedding", "resting", "held"] as const);

export interface InstanceShare extends InstanceLoad {
  /** Whether it is the instance that was asked. */
  readonly isAsked: boolean;
  /** Clients that it would hold. */
  readonly share: number;
  /** Clients that it would send away; 0 where it is near enough. */
  readonly over: number;
  /** Whether it sends clients away now. */
  readonly sheds: boolean;
  /** Since it said so, ms. */
  readonly ageMs: number;
}

export interface RebalanceReport {
  /** Whether it begins unasked. */
  readonly automatic: boolean;
  /** The part of its clients that an instance sends away in a second, at most. */
  readonly rate: number;
  /** Of the instance that was asked, as all below. */
  readonly phase: (typeof REBALANCE_PHASES)[number];
  /** Until the next round may begin unasked, ms; 0 but while it rests. */
  readonly restMs: number;
  /** Why no client is sent away now, a sentence; null where there is no such reason. */
  readonly hold: string | null;
  /** Clients that it has sent away since it started. */
  readonly shed: number;
  /** Clients of all instances, those on their way included. */
  readonly total: number;
  /** The fullest less the emptiest, as a part of the mean; 0 where there is none. */
  readonly spread: number;
  readonly instances: readonly InstanceShare[];
}

interface ReportParts extends Pick<RebalanceReport, "automatic" | "rate" | "shed"> {
  readonly memory: RebalanceMemory;
  readonly cluster: ClusterLoad | undefined;
  readonly hold: Hold | undefined;
  readonly now: number;
}

export function rebalanceReport(parts: ReportParts): RebalanceReport {
  const { automatic, rate, memory, cluster, hold, shed, now } = parts;
  const phase = memory.phase.t === "shedding" && hold !== undefined ? "held" : memory.phase.t;
  const instances = cluster === undefined ? [] : instanceShares(cluster, phase === "shedding");
  const held = instances.map(({ connections }) => connections);
  const mean = held.reduce((sum, each) => sum + each, 0) / Math.max(1, held.length);
  return {
    automatic,
    rate,
    phase,
    restMs: memory.phase.t === "resting" ? Math.max(0, Math.round(memory.phase.until - now)) : 0,
    hold: hold === undefined ? null : holdText(hold),
    shed,
    total: instances.reduce((sum, { connections, away }) => sum + connections + away, 0),
    spread: mean === 0 ? 0 : Math.round((1000 * (Math.max(...held) - Math.min(...held))) / mean) / 1000,
    instances,
  };
}

/** Of another instance it is known by the clients that it says are on their way. */
function instanceShares(cluster: ClusterLoad, isShedding: boolean): InstanceShare[] {
  const shares = loadShares(cluster);
  return [{ ...cluster.own, ageMs: 0 }, ...cluster.peers]
    .map((load, n): InstanceShare => {
      const { instance, state, connections, capacity, weight, away, ageMs } = load;
      const share = shares[n] ?? 0;
      const over = connections > startAt(share) ? connections - stopAt(share) : 0;
      const rounded = Math.round(share);
      return {
        instance,
        state,
        connections,
        capacity,
        weight,
        away,
        ageMs,
        share: rounded,
        over,
        sheds: n === 0 ? isShedding : away > 0,
        isAsked: n === 0,
      };
    })
    .sort((a, b) => (a.instance < b.instance ? -1 : 1));
}

export function holdText({ why, of, ms = 0 }: Hold): string {
  const which = of === undefined ? "This instance" : `The instance ${of}`;
  switch (why) {
    case "alone":
      return "No other instance says that it is there.";
    case "unavailable":
      return "What the instances carry cannot be read from Redis.";
    case "settling":
      return `Instances have changed or Redis was away a moment ago: clients are left to themselves for ${Math.ceil(ms / 1000)} s.`;
    case "late":
      return `${which} has not said what it carries for ${LATE_MS / 1000} s: it may be gone.`;
    case "unreadable":
      return `${which} says something that this version cannot read.`;
    case "unready":
      return `${which} is not ready: see its /readyz.`;
    case "draining":
      return `${which} drains.`;
    case "reloading":
      return `${which} reloads.`;
    case "serving":
      return `${which} serves.`;
  }
}
