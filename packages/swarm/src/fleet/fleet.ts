/**
 * All agents of a run: started, told what to do, added up, ended.
 *
 * Invariant: after `end()` or `kill()` no agent process is left; an agent that ends before that takes its
 * connections with it, and the others go on.
 */

import { pssBytes, totalCpuMicros } from "../measure/processes.js";
import type { AgentOrders, AgentReport, Tally, ToAgent } from "../messages.js";
import { SwarmProblem } from "../problem.js";
import type { OpenLink } from "./agent-link.js";
import { type AgentDeath, AgentProcess } from "./agent-process.js";
import { FleetTimes } from "./fleet-times.js";
import { type FleetTotals, totalsOf } from "./fleet-totals.js";

/** Processes that start at once: each takes a core for a moment. */
const STARTS_AT_ONCE = 4;
/** Agents that end at once: each resets all its connections, and the gateway takes them one by one. */
const ENDS_AT_ONCE = 2;

/** An agent that is to be: what it does, and where it is started. */
export interface Placement {
  readonly orders: AgentOrders;
  readonly open: OpenLink;
}

/** An agent of the fleet. */
export interface FleetMember {
  readonly agent: AgentProcess;
  /** Connections that it has been told to open. */
  opened: number;
  /** Connections that it is to have. */
  wanted: number;
  /** Of one that died: connections that others open in its place. */
  moved: number;
}

export class Fleet {
  readonly handshakes = new FleetTimes();
  readonly hearing = new FleetTimes();
  readonly answering = new FleetTimes();
  readonly #died: (member: FleetMember, death: AgentDeath) => void;
  #members: FleetMember[] = [];

  /** `died`: an agent ended without being told to. */
  constructor(died: (member: FleetMember, death: AgentDeath) => void = () => {}) {
    this.#died = died;
  }

  /** Starts agents. Rejects with a `SwarmProblem`, having ended those of them that had started. */
  async add(placements: readonly Placement[], signal: AbortSignal): Promise<void> {
    const waiting = [...placements];
    const started: FleetMember[] = [];
    const startSome = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        if (signal.aborted) throw new SwarmProblem("failed", "interrupted before the first connection");
        const { orders, open } = next;
        const events = {
          reported: (report: AgentReport) => this.#note(report),
          died: (agent: AgentProcess, death: AgentDeath) => this.#agentDied(agent, death),
        };
        const agent = await AgentProcess.start(orders, open, events, signal);
        started.push({ agent, opened: 0, wanted: orders.connections, moved: 0 });
      }
    };
    const results = await Promise.allSettled(Array.from({ length: STARTS_AT_ONCE }, startSome));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) {
      for (const { agent } of started) agent.kill();
      throw failed.reason;
    }
    this.#members.push(...started.sort((a, b) => a.agent.orders.first - b.agent.orders.first));
  }

  get members(): readonly FleetMember[] {
    return this.#members;
  }

  get pids(): number[] {
    return this.#members.map(({ agent }) => agent.pid).filter((pid) => pid > 0);
  }

  /** Agents that have not ended. */
  get working(): FleetMember[] {
    return this.#members.filter(({ agent }) => agent.works);
  }

  totals(): FleetTotals {
    return totalsOf(
      this.#members.map(({ agent, opened, moved }) => ({
        report: agent.report,
        opened,
        undecided: agent.undecided(opened),
        moved,
      })),
    );
  }

  /** Tells every agent. */
  tell(message: ToAgent): void {
    for (const { agent } of this.#members) agent.send(message);
  }

  /** Tells every agent its share of `amount`, by the connections that it has now. */
  share(amount: number, message: (share: number) => ToAgent): void {
    const { connected } = this.totals();
    for (const { agent } of this.#members) {
      agent.send(message(connected === 0 ? 0 : (amount * agent.report.connected) / connected));
    }
  }

  /** How every agent's connections fared. Of an agent that ended, nothing. */
  async tallies(): Promise<Tally[]> {
    const all = await Promise.all(this.#members.map(({ agent }) => agent.tally()));
    return all.filter((tally) => tally !== undefined);
  }

  /** Memory of all agents: PSS on this machine, RSS elsewhere; bytes. */
  memoryBytes(): number {
    return pssBytes(this.pids) + this.#elsewhere((report) => report.memoryBytes);
  }

  /** CPU time of all agents since their start. */
  cpuMicros(): number {
    return totalCpuMicros(this.pids) + this.#elsewhere((report) => report.cpuMicros);
  }

  /** Ends agents some at a time and forgets them; resolves when all processes are gone. */
  async end(): Promise<void> {
    const waiting = this.#members.map(({ agent }) => agent);
    const endSome = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next.end();
    };
    await Promise.all(Array.from({ length: ENDS_AT_ONCE }, endSome));
  }

  /** Forgets agents that have ended: what they had counts no longer. */
  forgetEnded(): void {
    this.#members = this.working;
  }

  kill(): void {
    for (const { agent } of this.#members) agent.kill();
  }

  #elsewhere(read: (report: AgentReport) => number): number {
    return this.#members.reduce((sum, { agent }) => sum + (agent.pid === 0 ? read(agent.report) : 0), 0);
  }

  #agentDied(agent: AgentProcess, death: AgentDeath): void {
    const member = this.#members.find((each) => each.agent === agent);
    if (member !== undefined) this.#died(member, death);
  }

  #note({ handshakes, hearing, answering }: AgentReport): void {
    this.handshakes.note(handshakes);
    this.hearing.note(hearing);
    this.answering.note(answering);
  }
}
