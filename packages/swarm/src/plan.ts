/**
 * How a run is divided: how many agents, how many connections each, from which source addresses.
 *
 * A connection is one descriptor of its agent and one ephemeral port of its source address. The kernel gives
 * a port only once to a source address that a socket is bound to, whatever it connects to, and looks for a
 * free one in a quarter of the range first: once that is full, a bind takes 400 µs instead of 10. So on
 * loopback every agent has several addresses of its own, each used for half of that quarter. Elsewhere the
 * source is not ours to choose: a port serves each target port once. Invariant: the shares add up to the
 * connections, and no agent is beyond the descriptor or the port limit.
 */
import { SwarmProblem } from "./problem.js";
import { isLoopback, type Target } from "./target.js";

export interface MachineLimits {
  /** Open files that one process may have. */
  readonly openFiles: number;
  /** First and last port for outgoing connections. */
  readonly portRange: readonly [number, number];
}

export interface AgentPlan {
  /** Number of its first connection. */
  readonly first: number;
  readonly connections: number;
  /** Addresses to connect from, taken in turn; none lets the kernel choose. */
  readonly sources: readonly string[];
}

/** Of the descriptor limit; the rest is Node's own files, and sockets that are closing. */
const DESCRIPTOR_SHARE = 0.925;
/** Of the port range, for each address that sockets are bound to. */
const BOUND_PORT_SHARE = 1 / 8;
/**
 * Of the port range towards each target port, where the kernel chooses the source; the rest belongs to other
 * programs.
 */
const PORT_SHARE = 0.9;
const MAX_AGENTS = 1_000;
/** 127.0.1.1 and up: apart from what else likes to use 127.0.0.x. */
const FIRST_SOURCE = 256;
const MAX_SOURCES = 60_000;

/** `held`: connections to the target that the machine has already. */
export function planAgents(
  target: Target,
  connections: number,
  agents: number | "auto",
  machine: MachineLimits,
  held = 0,
): AgentPlan[] {
  const perAgent = Math.floor(machine.openFiles * DESCRIPTOR_SHARE);
  const loopback = isLoopback(target);
  const range = machine.portRange[1] - machine.portRange[0] + 1;
  const perSource = Math.max(1, Math.floor(range * (loopback ? BOUND_PORT_SHARE : PORT_SHARE)));
  const needed = Math.ceil(connections / perAgent);
  const count = agents === "auto" ? needed : Math.min(agents, connections);
  if (count < needed) {
    throw new SwarmProblem(
      "wrong",
      `${agents} agents cannot hold ${connections} connections: each may have ${machine.openFiles} open files, so ${needed} are needed (--agents auto)`,
    );
  }
  if (count > MAX_AGENTS) {
    throw new SwarmProblem(
      "wrong",
      `${connections} connections would take ${count} agents with ${machine.openFiles} open files each, and ${MAX_AGENTS} are the most: raise the limit (ulimit -n)`,
    );
  }
  if (!loopback && held + connections > perSource * target.ports.length) {
    throw new SwarmProblem(
      "wrong",
      `${held + connections} connections from one address need ${Math.ceil((held + connections) / perSource)} target ports, there are ${target.ports.length}: name a range, or widen net.ipv4.ip_local_port_range (${machine.portRange.join("–")})`,
    );
  }
  const plans: AgentPlan[] = [];
  let first = 0;
  let source = FIRST_SOURCE;
  for (let agent = 0; agent < count; agent++) {
    const share = Math.floor(((agent + 1) * connections) / count) - first;
    const sources = loopback ? Math.ceil(share / perSource) : 0;
    plans.push({
      first,
      connections: share,
      sources: Array.from({ length: sources }, (_, index) => sourceAddress(source + index)),
    });
    first += share;
    source += sources;
  }
  if (source > MAX_SOURCES) throw new SwarmProblem("wrong", "more source addresses than 127.0.0.0/16 has");
  return plans;
}

function sourceAddress(index: number): string {
  return `127.0.${Math.floor(index / 250)}.${1 + (index % 250)}`;
}
