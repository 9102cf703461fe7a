/**
 * All agents of a run: started, given connections at an even rate, added up, ended.
 *
 * Invariant: after `end()` or `kill()` no agent process is left; an agent that ends before that takes its connections
 * with it, and the others go on.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { AgentProcess } from "./agent-process.js";
import { Histogram, type SparseHistogram } from "./histogram.js";
import type { AgentOrders, AgentReport, Tally } from "./messages.js";
import { Pacer } from "./pacer.js";
import { SwarmProblem } from "./problem.js";

/** Processes that start at once: each takes a core for a moment. */
const STARTS_AT_ONCE = 4;
/** Agents that end at once: each resets all its connections, and the gateway takes them one by one. */
const ENDS_AT_ONCE = 2;
const TICK_MS = 50;
/** Attempts on their way at most, in seconds of the rate. */
const MOST_UNDECIDED_S = 0.75;
const LEAST_UNDECIDED = 500;

export interface FleetTotals {
  /** Attempts that were begun, without those that were repeated. */
  readonly opened: number;
  readonly connected: number;
  readonly undecided: number;
  readonly givenUp: number;
  readonly lost: number;
  readonly pings: number;
  readonly failures: Readonly<Record<string, number>>;
}

interface Member {
  readonly agent: AgentProcess;
  opened: number;
}

export class Fleet {
  readonly #members: Member[] = [];
  readonly #handshakes: SparseHistogram[] = [];
  readonly #allHandshakes = new Histogram();

  /** Starts every agent. Rejects with a `SwarmProblem`, having ended those that had started. */
  static async start(orders: readonly AgentOrders[], signal: AbortSignal): Promise<Fleet> {
    const fleet = new Fleet();
    const onReport = ({ handshakes }: AgentReport): void => fleet.#note(handshakes);
    const waiting = [...orders];
    const startSome = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        if (signal.aborted) throw new SwarmProblem("failed", "interrupted before the first connection");
        fleet.#members.push({ agent: await AgentProcess.start(next, onReport, signal), opened: 0 });
      }
    };
    const results = await Promise.allSettled(Array.from({ length: STARTS_AT_ONCE }, startSome));
    const failed = results.find((result) => result.status === "rejected");
    if (failed === undefined) return fleet;
    fleet.kill();
    throw failed.reason;
  }

  get pids(): number[] {
    return this.#members.map(({ agent }) => agent.pid);
  }

  /** From the beginning of an attempt to the session, all of the run, µs. */
  get handshakes(): Histogram {
    return this.#allHandshakes;
  }

  /** The same for those that were reported since the last call. */
  takeHandshakes(): Histogram {
    const histogram = new Histogram();
    for (const sparse of this.#handshakes.splice(0)) histogram.merge(sparse);
    return histogram;
  }

  totals(): FleetTotals {
    const sum = { opened: 0, connected: 0, undecided: 0, givenUp: 0, lost: 0, pings: 0 };
    const failures: Record<string, number> = {};
    for (const { agent, opened } of this.#members) {
      const { report } = agent;
      sum.opened += opened;
      sum.undecided += agent.undecided(opened);
      sum.connected += report.connected;
      sum.givenUp += report.givenUp;
      sum.lost += report.lost;
      sum.pings += report.pings;
      for (const [reason, count] of Object.entries(report.failures)) {
        failures[reason] = (failures[reason] ?? 0) + count;
      }
    }
    return { ...sum, failures };
  }

  /** Opens everything at `rate` a second. Resolves when each connection is there or given up, or at an abort. */
  async open(rate: number, signal: AbortSignal): Promise<void> {
    const pacer = new Pacer(rate, performance.now());
    const most = Math.max(LEAST_UNDECIDED, Math.ceil(rate * MOST_UNDECIDED_S));
    for (let turn = 0; !signal.aborted; turn++) {
      const { undecided } = this.totals();
      const open = this.#members.filter(
        ({ agent, opened }) => agent.works && opened < agent.orders.connections,
      );
      if (open.length === 0 && undecided === 0) return;
      // One agent a turn, the next in the next: a few wake-ups, and all fill evenly.
      const member = open[turn % Math.max(1, open.length)];
      if (member !== undefined) {
        const room = Math.min(most - undecided, member.agent.orders.connections - member.opened);
        const count = pacer.take(performance.now(), room);
        member.opened += count;
        if (count > 0) member.agent.send({ do: "open", count });
      }
      await sleep(TICK_MS);
    }
  }

  /** What is open now is to hear `round`. */
  expect(round: number): void {
    for (const { agent } of this.#members) agent.send({ do: "expect", round });
  }

  /** How every agent's connections fared. Of an agent that ended, nothing. */
  async tallies(): Promise<Tally[]> {
    const all = await Promise.all(this.#members.map(({ agent }) => agent.tally()));
    return all.filter((tally) => tally !== undefined);
  }

  /** Ends agents some at a time; resolves when all processes are gone. */
  async end(): Promise<void> {
    const waiting = this.#members.map(({ agent }) => agent);
    const endSome = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next.end();
    };
    await Promise.all(Array.from({ length: ENDS_AT_ONCE }, endSome));
  }

  kill(): void {
    for (const { agent } of this.#members) agent.kill();
  }

  #note(handshakes: SparseHistogram): void {
    if (handshakes.length === 0) return;
    this.#handshakes.push(handshakes);
    this.#allHandshakes.merge(handshakes);
  }
}
