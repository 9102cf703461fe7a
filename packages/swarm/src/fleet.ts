/**
 * All agents of a run: started, given connections at an even rate, added up, ended.
 *
 * Invariant: after `end()` or `kill()` no agent process is left; an agent that ends before that takes its
 * connections with it, and the others go on.
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
  /** What clients sent themselves, what of it failed, and what they heard of it. */
  readonly sent: number;
  readonly refused: number;
  readonly heard: number;
  readonly failures: Readonly<Record<string, number>>;
}

interface Member {
  readonly agent: AgentProcess;
  opened: number;
}

/** Times of which agents tell the new ones: all of the run, and those since they were last taken. */
class Times {
  readonly all = new Histogram();
  readonly #new: SparseHistogram[] = [];

  note(sparse: SparseHistogram): void {
    if (sparse.length === 0) return;
    this.#new.push(sparse);
    this.all.merge(sparse);
  }

  take(): Histogram {
    const histogram = new Histogram();
    for (const sparse of this.#new.splice(0)) histogram.merge(sparse);
    return histogram;
  }
}

export class Fleet {
  readonly #members: Member[] = [];
  readonly #handshakes = new Times();
  readonly #hearing = new Times();
  readonly #answering = new Histogram();

  /** Starts every agent. Rejects with a `SwarmProblem`, having ended those that had started. */
  static async start(orders: readonly AgentOrders[], signal: AbortSignal): Promise<Fleet> {
    const fleet = new Fleet();
    const onReport = (report: AgentReport): void => fleet.#note(report);
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
    return this.#handshakes.all;
  }

  /** The same for those that were reported since the last call. */
  takeHandshakes(): Histogram {
    return this.#handshakes.take();
  }

  /** From a client's sending to another's receipt, all of the run, µs. */
  get hearing(): Histogram {
    return this.#hearing.all;
  }

  takeHearing(): Histogram {
    return this.#hearing.take();
  }

  /** From a client's sending to the answer, all of the run, µs. */
  get answering(): Histogram {
    return this.#answering;
  }

  totals(): FleetTotals {
    const sum = {
      opened: 0,
      connected: 0,
      undecided: 0,
      givenUp: 0,
      lost: 0,
      pings: 0,
      sent: 0,
      refused: 0,
      heard: 0,
    };
    const failures: Record<string, number> = {};
    for (const { agent, opened } of this.#members) {
      const { report } = agent;
      sum.opened += opened;
      sum.undecided += agent.undecided(opened);
      sum.connected += report.connected;
      sum.givenUp += report.givenUp;
      sum.lost += report.lost;
      sum.pings += report.pings;
      sum.sent += report.sent;
      sum.refused += report.refused;
      sum.heard += report.heard;
      for (const [reason, count] of Object.entries(report.failures)) {
        failures[reason] = (failures[reason] ?? 0) + count;
      }
    }
    return { ...sum, failures };
  }

  /**
   * Opens everything at `rate` a second. Resolves when each connection is there or given up, or at an abort.
   */
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

  /** Lets the open connections send that many messages a second, all together; 0 ends it. */
  sendAt(perSecond: number): void {
    const { connected } = this.totals();
    for (const { agent } of this.#members) {
      const share = connected === 0 ? 0 : agent.report.connected / connected;
      agent.send({ do: "send", perSecond: perSecond * share });
    }
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

  #note({ handshakes, hearing, answering }: AgentReport): void {
    this.#handshakes.note(handshakes);
    this.#hearing.note(hearing);
    this.#answering.merge(answering);
  }
}
