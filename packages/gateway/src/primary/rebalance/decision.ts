/**
 * The decision of a rebalance: how many clients this instance sends away now.
 *
 *     idle ──over its share, for long or asked──► shedding ──at its share, or too long──► resting ──► idle
 *
 * Pure: from what all instances say and what this one remembers, to a number and what to remember. Each
 * instance decides for itself and gives away what it has above its own share alone, so that two that do it at
 * once take nothing twice. Invariants:
 * - an instance never gives so much that it falls below its share;
 * - it gives no more in a second than `rate` of its connections;
 * - it gives nothing unless every instance of the cluster serves, is heard in time and has done so for
 *   `settleMs`: a drain, a reload, a death or an outage moves clients by itself.
 */
import { sharesOf } from "./shares.js";

/** `unready`: some of its workers, or its broker, cannot be had. */
export const LOAD_STATES = Object.freeze(["serving", "unready", "draining", "reloading"] as const);

/** What an instance says of itself. */
export interface InstanceLoad {
  readonly instance: string;
  readonly state: (typeof LOAD_STATES)[number];
  readonly connections: number;
  /** Connections that it takes at most. */
  readonly capacity: number;
  /** Its share against the others'. */
  readonly weight: number;
  /** Clients that it has sent away and that may not be back yet, anywhere. */
  readonly away: number;
}

export interface PeerLoad extends InstanceLoad {
  /** Since it said so, ms. */
  readonly ageMs: number;
}

/** What is known of the cluster at one moment. */
export interface ClusterLoad {
  readonly own: InstanceLoad;
  readonly peers: readonly PeerLoad[];
  /** Instances whose words make no sense. */
  readonly unreadable: readonly string[];
}

export interface RebalanceRules {
  /** Whether it begins unasked. */
  readonly automatic: boolean;
  /** The part of its connections that an instance gives away in a second, at most. */
  readonly rate: number;
  /** How long it is over its share before it begins unasked, ms. Other waits are parts of it. */
  readonly patienceMs: number;
}

/** Why no client is sent away; `of`: the instance that is to blame. */
export interface Hold {
  readonly why: "alone" | "unavailable" | "unreadable" | "late" | "settling" | (typeof LOAD_STATES)[number];
  readonly of?: string;
  /** How long that is waited for, where it is known. */
  readonly ms?: number;
}

export type RebalancePhase =
  | { readonly t: "idle"; readonly overSince?: number | undefined }
  | { readonly t: "shedding"; readonly since: number; readonly asked: boolean }
  | { readonly t: "resting"; readonly until: number };

/** Times are the caller's monotonic ms. */
export interface RebalanceMemory {
  readonly phase: RebalancePhase;
  /** Until when an operator's wish holds. */
  readonly askedUntil: number;
  /** Clients that may be sent away by now; below one it is a fraction. */
  readonly credit: number;
  readonly decidedAt: number;
  /** Since when all instances are the same ones and all is well. */
  readonly calmSince: number;
  readonly members: string;
  /** Rounds in a row that ended before the share was reached. */
  readonly futile: number;
}

export interface RebalanceDecision {
  readonly memory: RebalanceMemory;
  /** Clients to send away. */
  readonly shed: number;
  /** Those that are connected for less stay, ms. */
  readonly minAgeMs: number;
  readonly share: number;
  readonly hold?: Hold | undefined;
}

/** Between two decisions, ms. */
export const DECISION_MS = 2_000;
/** An instance that was not heard for so long may be gone. */
export const LATE_MS = 5_000;
export const DEFAULT_PATIENCE_MS = 30_000;
/** Of a round. */
export const MAX_ROUND_MS = 600_000;
export const REST_MS = 600_000;
/** After rounds that changed nothing. */
export const MAX_REST_MS = 2 * 3_600_000;
/** How long an operator's wish waits until it can begin. */
const ASKED_MS = 600_000;
/** Unasked, a client stays that had come within so many times the patience before the round. */
const MIN_STAY = 2;
/** A round ends so near above the share: the last few would cost more moves than they are worth. */
const STOP_OVER = 0.01;
const START_OVER = 0.05;
/** Balancers that draw lots miss by the root of what they aim at. */
const START_ROOTS = 2.5;
const START_LEAST = 10;

export const NEW_MEMORY: RebalanceMemory = Object.freeze({
  phase: Object.freeze({ t: "idle" }),
  askedUntil: Number.NEGATIVE_INFINITY,
  credit: 0,
  decidedAt: Number.NEGATIVE_INFINITY,
  calmSince: Number.POSITIVE_INFINITY,
  members: "",
  futile: 0,
});

/** How long clients are left to themselves after something has changed, ms: a third of the patience. */
export function settleMs(patienceMs: number): number {
  return patienceMs / 3;
}

/** An operator asks for it: no waiting for a cool-down, nor for long above the share. */
export function asked(memory: RebalanceMemory, now: number): RebalanceMemory {
  const phase: RebalancePhase = memory.phase.t === "resting" ? { t: "idle" } : memory.phase;
  return { ...memory, phase, askedUntil: now + ASKED_MS };
}

/** What others say could not be had. */
export function interrupted(memory: RebalanceMemory): RebalanceMemory {
  return { ...memory, phase: stilled(memory.phase), calmSince: Number.POSITIVE_INFINITY };
}

export function decide(
  memory: RebalanceMemory,
  cluster: ClusterLoad,
  rules: RebalanceRules,
  now: number,
): RebalanceDecision {
  const { own } = cluster;
  const share = loadShares(cluster)[0] ?? 0;
  const areAllBack = [own, ...cluster.peers].every(({ away }) => away === 0);
  const members = [own, ...cluster.peers]
    .map(({ instance }) => instance)
    .sort()
    .join("\n");
  const trouble = holdOf(cluster);
  const isNew = trouble !== undefined || members !== memory.members || memory.calmSince > now;
  const calmSince = isNew ? now : memory.calmSince;
  const ms = settleMs(rules.patienceMs);
  const settling: Hold | undefined = now - calmSince < ms ? { why: "settling", ms } : undefined;
  const hold = trouble ?? settling;
  const credit = creditOf(memory, own.connections, rules.rate, now);
  const kept: RebalanceMemory = { ...memory, credit, decidedAt: now, calmSince, members };
  const standing = { connections: own.connections, share, isCalm: hold === undefined, areAllBack };
  const next = advance(kept, standing, rules, now);
  const { phase } = next;
  if (phase.t !== "shedding" || hold !== undefined)
    return { memory: next, shed: 0, minAgeMs: 0, share, hold };
  const shed = Math.max(0, Math.min(own.connections - stopAt(share), Math.floor(credit)));
  const age = now - phase.since;
  return {
    memory: { ...next, credit: credit - shed },
    shed,
    // A client that came since this round or another instance's began may have been moved already.
    minAgeMs: phase.asked ? age : age + MIN_STAY * rules.patienceMs,
    share,
  };
}

/** The share of each instance, this one's first. Those that are on their way count, too. */
export function loadShares({ own, peers }: ClusterLoad): readonly number[] {
  const all = [own, ...peers];
  return sharesOf(
    all.reduce((sum, { connections, away }) => sum + connections + away, 0),
    all,
  );
}

/** Connections at which a round begins. */
export function startAt(share: number): number {
  return share + Math.max(START_LEAST, START_OVER * share, START_ROOTS * Math.sqrt(share));
}

/** Connections at which it ends. */
export function stopAt(share: number): number {
  return Math.ceil(share * (1 + STOP_OVER));
}

interface Standing {
  readonly connections: number;
  readonly share: number;
  readonly isCalm: boolean;
  /** Whether no client is on its way. */
  readonly areAllBack: boolean;
}

function advance(
  memory: RebalanceMemory,
  { connections, share, isCalm, areAllBack }: Standing,
  { automatic, patienceMs }: RebalanceRules,
  now: number,
): RebalanceMemory {
  const { phase } = memory;
  switch (phase.t) {
    case "resting":
      return now < phase.until ? memory : { ...memory, phase: { t: "idle" } };
    case "shedding":
      if (!phase.asked && !automatic) return { ...memory, phase: { t: "idle" } };
      // Before that, clients on their way are counted twice for a moment, and the share seems to be higher.
      if (connections <= stopAt(share) && isCalm && areAllBack) return rested(memory, now);
      if (now - phase.since < MAX_ROUND_MS) return memory;
      return connections <= startAt(share) ? rested(memory, now) : gaveUp(memory, now);
    case "idle": {
      if (!isCalm) return { ...memory, phase: stilled(phase) };
      const isAsked = now < memory.askedUntil;
      // Once all is calm a wish is fulfilled, also by finding that there is nothing to do.
      const heard = { ...memory, askedUntil: Number.NEGATIVE_INFINITY };
      if (connections <= startAt(share)) return { ...heard, phase: { t: "idle" } };
      if (isAsked) return { ...heard, phase: { t: "shedding", since: now, asked: true } };
      if (!automatic) return { ...heard, phase: { t: "idle" } };
      const { overSince = now } = phase;
      return now - overSince < patienceMs
        ? { ...heard, phase: { t: "idle", overSince } }
        : { ...heard, phase: { t: "shedding", since: now, asked: false } };
    }
  }
}

function rested(memory: RebalanceMemory, now: number): RebalanceMemory {
  return { ...memory, futile: 0, phase: { t: "resting", until: now + REST_MS } };
}

/** The balancer sends clients back, as one that is sticky does: the next round is later each time. */
function gaveUp(memory: RebalanceMemory, now: number): RebalanceMemory {
  const restMs = Math.min(MAX_REST_MS, REST_MS * 2 ** (memory.futile + 1));
  return { ...memory, futile: memory.futile + 1, phase: { t: "resting", until: now + restMs } };
}

/** How long it has been over its share counts anew. */
function stilled(phase: RebalancePhase): RebalancePhase {
  return phase.t === "idle" ? { t: "idle" } : phase;
}

/** No more than one decision's worth is saved up, so that no pause is made up for. */
function creditOf(memory: RebalanceMemory, connections: number, rate: number, now: number): number {
  const perMs = (connections * rate) / 1000;
  const elapsed = Math.min(DECISION_MS, Math.max(0, now - memory.decidedAt));
  return Math.min(memory.credit + perMs * elapsed, Math.max(1, perMs * DECISION_MS));
}

function holdOf({ own, peers, unreadable }: ClusterLoad): Hold | undefined {
  if (own.state !== "serving") return { why: own.state };
  const [strange] = unreadable;
  if (strange !== undefined) return { why: "unreadable", of: strange };
  if (peers.length === 0) return { why: "alone" };
  for (const { instance: of, state, ageMs } of peers) {
    if (state !== "serving") return { why: state, of };
    if (ageMs > LATE_MS) return { why: "late", of };
  }
  return undefined;
}
