/**
 * The machines of a run: this one, whose agents are children of the coordinator, or hosts.
 *
 * Invariant: what is placed on a machine is within its limits, with what the fleet has there already.
 */
import { availableParallelism } from "node:os";
import type { AgentOrders } from "../messages.js";
import type { MachineLimits } from "../plan.js";
import type { Target } from "../target.js";
import { forkAgent, type OpenLink } from "./agent-link.js";
import type { FleetMember, Placement } from "./fleet.js";
import { type ConnectionRange, type SpreadMachine, spread } from "./spread.js";

/** What is the same in the orders of all agents. */
export type CommonOrders = Omit<AgentOrders, "first" | "connections" | "sources" | "host" | "ports" | "path">;

export interface RunMachine {
  /** Undefined: this one. */
  readonly address: string | undefined;
  readonly limits: MachineLimits;
  readonly cores: number;
  readonly open: OpenLink;
}

export function thisMachine(limits: MachineLimits): RunMachine {
  const open: OpenLink = (events) => Promise.resolve(forkAgent(events));
  return { address: undefined, limits, cores: availableParallelism(), open };
}

/** Agents for a range of connections. Throws a `SwarmProblem`. */
export function placementsFor(
  range: ConnectionRange,
  machines: readonly RunMachine[],
  members: readonly FleetMember[],
  { target, common, agents }: PlacementOptions,
): Placement[] {
  const spreadable = machines.map(({ address, limits, cores }): SpreadMachine => {
    const there = members.filter(({ agent }) => agent.works && agent.host === address);
    return {
      name: address ?? "this machine",
      limits,
      cores: address === undefined ? undefined : cores,
      held: there.reduce((sum, { agent }) => sum + agent.orders.connections, 0),
    };
  });
  return spread(target, range, spreadable, agents).flatMap(({ machine, plan }) => {
    const open = machines[machine]?.open;
    return open === undefined ? [] : [{ orders: { ...common, ...target, ...plan }, open }];
  });
}

export interface PlacementOptions {
  readonly target: Target;
  readonly common: CommonOrders;
  readonly agents: number | "auto";
}
