/**
 * The fleet of a run under way, and what may happen to it: it grows and shrinks, goes to another gateway,
 * loses an agent.
 *
 * Invariant: a change is made after the one before it; each number of a connection belongs to one agent that
 * works.
 */

import { SwarmProblem } from "../problem.js";
import type { Target } from "../target.js";
import type { AgentDeath } from "./agent-process.js";
import { Fleet, type FleetMember } from "./fleet.js";
import { type CommonOrders, placementsFor, type RunMachine } from "./machines.js";
import { Opener } from "./opener.js";
import type { ConnectionRange } from "./spread.js";

export interface CrewOptions {
  readonly target: Target;
  readonly common: CommonOrders;
  readonly agents: number | "auto";
  /** Whether other agents open what one had that died. */
  readonly redistribute: boolean;
  /** Those that can be used now. */
  machines(): readonly RunMachine[];
  /** Something that a person should know at once. */
  warn(line: string): void;
  readonly signal: AbortSignal;
}

export class Crew {
  readonly fleet: Fleet;
  readonly opener: Opener;
  /** What happened to agents, a sentence each. */
  readonly deaths: string[] = [];
  readonly #options: CrewOptions;
  #target: Target;
  #changes: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(options: CrewOptions) {
    this.#options = options;
    this.#target = options.target;
    this.fleet = new Fleet((member, death) => this.#died(member, death));
    this.opener = new Opener(this.fleet);
  }

  /** Starts agents for so many connections; none is opened before the opener is started. */
  start(connections: number): Promise<void> {
    return this.#inTurn(async () => {
      await this.#place({ first: 0, connections });
      this.opener.setWanted(0);
    });
  }

  /** There are to be so many connections from now on; agents are added where there are too few. */
  resize(connections: number): Promise<void> {
    return this.#inTurn(async () => {
      const more = connections - this.opener.capacity;
      if (more > 0) {
        const first = Math.max(0, ...this.fleet.members.map(({ agent }) => endOf(agent.orders)));
        await this.#place({ first, connections: more });
      }
      this.opener.setWanted(connections);
    });
  }

  /** Ends all agents, and starts others that open as many connections there. */
  retarget(target: Target): Promise<void> {
    return this.#inTurn(async () => {
      const { wanted, capacity } = this.opener;
      await this.fleet.end();
      this.fleet.forgetEnded();
      this.#target = target;
      await this.#place({ first: 0, connections: capacity });
      this.opener.setWanted(wanted);
    });
  }

  /** Ends all agents, at once where `abruptly`. */
  async end(abruptly: boolean): Promise<void> {
    this.#closed = true;
    this.opener.stop();
    await this.#changes.catch(() => {});
    if (abruptly) this.fleet.kill();
    else await this.fleet.end();
  }

  /** `not`: the address of a host that is used only where there is no other. */
  async #place(range: ConnectionRange, not?: string): Promise<void> {
    const { common, agents, signal } = this.#options;
    const where = { target: this.#target, common, agents };
    const all = this.#options.machines();
    const others = not === undefined ? all : all.filter(({ address }) => address !== not);
    const machines = others.length > 0 ? others : all;
    const placements = placementsFor(range, machines, this.fleet.members, where);
    await this.fleet.add(placements, signal);
  }

  #died(member: FleetMember, { how, connected }: AgentDeath): void {
    const { orders, host } = member.agent;
    const who = `an agent ${host === undefined ? "" : `of ${host} `}ended (${how})`;
    const lost = `${who}: it had ${member.opened} connections`;
    const { redistribute, warn } = this.#options;
    if (!redistribute || this.#closed) {
      this.deaths.push(lost);
      return warn(lost);
    }
    warn(`${lost}; others open them`);
    const range = { first: orders.first, connections: Math.max(1, member.wanted) };
    this.#inTurn(async () => {
      await this.#place(range, host);
      member.moved = connected;
      this.deaths.push(`${lost}, and others opened them in its place`);
    }).catch((error: unknown) => {
      this.deaths.push(`${lost}, and no other agent could take them: ${(error as Error).message}`);
      warn(this.deaths.at(-1) ?? "");
    });
  }

  #inTurn(change: () => Promise<void>): Promise<void> {
    const next = this.#changes.then(() => {
      if (this.#closed) throw new SwarmProblem("failed", "the run is ending");
      return change();
    });
    this.#changes = next.catch(() => {});
    return next;
  }
}

function endOf({ first, connections }: ConnectionRange): number {
  return first + connections;
}
