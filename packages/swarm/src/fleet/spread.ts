/**
 * How a range of connections is spread over machines, and over the agents of each.
 *
 * Pure: the same for a run's beginning, for one that grows, and for the share of an agent that died.
 * Invariant: the plans have each number of the range once, and no machine is beyond its limits.
 */
import { type AgentPlan, type MachineLimits, planAgents } from "../plan.js";
import { SwarmProblem } from "../problem.js";
import type { Target } from "../target.js";

/** Numbers of connections. */
export interface ConnectionRange {
  readonly first: number;
  readonly connections: number;
}

export interface SpreadMachine {
  /** `this machine`, or the address of a host. */
  readonly name: string;
  readonly limits: MachineLimits;
  /** Of a host: its agents use them all. Undefined on the machine of the coordinator. */
  readonly cores: number | undefined;
  /** Connections that it has already. */
  readonly held: number;
}

/** A plan, and which of the machines it is for. */
export interface SpreadPlan {
  readonly machine: number;
  readonly plan: AgentPlan;
}

/** Connections for which another core of a host is worth a process. */
const CONNECTIONS_PER_CORE = 5_000;

/** Every machine gets the same, those that hold fewer already more. Throws a `SwarmProblem`. */
export function spread(
  target: Target,
  range: ConnectionRange,
  machines: readonly SpreadMachine[],
  agents: number | "auto" = "auto",
): SpreadPlan[] {
  if (machines.length === 0) throw new SwarmProblem("failed", "no machine is left to connect from");
  const shares = levelled(
    range.connections,
    machines.map(({ held }) => held),
  );
  const plans: SpreadPlan[] = [];
  let first = range.first;
  machines.forEach((machine, index) => {
    const share = shares[index] ?? 0;
    if (share === 0) return;
    for (const plan of plansFor(target, share, machine, agents)) {
      plans.push({ machine: index, plan: { ...plan, first: first + plan.first } });
    }
    first += share;
  });
  return plans;
}

function plansFor(
  target: Target,
  share: number,
  { name, limits, cores, held }: SpreadMachine,
  agents: number | "auto",
): AgentPlan[] {
  try {
    const all = planAgents(target, share, agents, limits, held);
    const useful = Math.min(cores ?? 1, Math.ceil(share / CONNECTIONS_PER_CORE));
    return agents !== "auto" || all.length >= useful ? all : planAgents(target, share, useful, limits, held);
  } catch (error) {
    if (cores === undefined || !(error instanceof SwarmProblem)) throw error;
    throw new SwarmProblem(error.kind, `${name}: ${error.message}`, { cause: error });
  }
}

/** Gives `count` out so that what is held is as even as it can be. */
function levelled(count: number, held: readonly number[]): number[] {
  const shares = held.map(() => 0);
  let left = count;
  while (left > 0) {
    const now = held.map((each, index) => each + (shares[index] ?? 0));
    const least = Math.min(...now);
    const lowest = now.flatMap((each, index) => (each === least ? [index] : []));
    const next = Math.min(...now.filter((each) => each > least), Number.POSITIVE_INFINITY);
    const step = Math.min(left, (next - least) * lowest.length);
    lowest.forEach((index, place) => {
      const part =
        Math.floor(((place + 1) * step) / lowest.length) - Math.floor((place * step) / lowest.length);
      shares[index] = (shares[index] ?? 0) + part;
    });
    left -= step;
  }
  return shares;
}
