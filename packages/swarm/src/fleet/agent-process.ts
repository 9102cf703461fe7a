/**
 * One agent as its coordinator sees it: its last report, its clock, its end. Where it runs is its link's
 * affair.
 *
 * Invariant: every promise it gives settles, with the process's end if not before.
 */

import type { AgentOrders, AgentReport, FromAgent, Tally, ToAgent } from "../messages.js";
import { SwarmProblem } from "../problem.js";
import { AgentClock } from "./agent-clock.js";
import type { AgentLink, OpenLink } from "./agent-link.js";

const START_TIMEOUT_MS = 60_000;
const END_TIMEOUT_MS = 20_000;

const NO_REPORT: AgentReport = Object.freeze({
  connected: 0,
  givenUp: 0,
  lost: 0,
  over: 0,
  again: 0,
  cpuMicros: 0,
  memoryBytes: 0,
  failures: Object.freeze({}),
  pings: 0,
  handshakes: [],
  sent: 0,
  refused: 0,
  heard: 0,
  hearing: [],
  answering: [],
});

export interface AgentEvents {
  reported(report: AgentReport): void;
  /** It ended while it worked, without being told to. */
  died(agent: AgentProcess, death: AgentDeath): void;
}

/** How an agent ended, and how many connections it had. */
export interface AgentDeath {
  readonly how: string;
  readonly connected: number;
}

export class AgentProcess {
  readonly orders: AgentOrders;
  readonly #events: AgentEvents;
  readonly clock = new AgentClock((message) => this.send(message));
  readonly #ended: Promise<string>;
  #link: AgentLink | undefined;
  #resolveEnded: (how: string) => void = () => {};
  #onReady: (problem: string | undefined) => void = () => {};
  #report = NO_REPORT;
  #wantsTally: ((tally: Tally | undefined) => void) | undefined;
  #state: "starting" | "working" | "ending" | "ended" = "starting";

  private constructor(orders: AgentOrders, events: AgentEvents) {
    this.orders = orders;
    this.#events = events;
    this.#ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  /** Resolves when it is ready to connect. Rejects with a `SwarmProblem` when it cannot. */
  static async start(
    orders: AgentOrders,
    open: OpenLink,
    events: AgentEvents,
    signal: AbortSignal,
  ): Promise<AgentProcess> {
    const agent = new AgentProcess(orders, events);
    try {
      agent.#link = await open({
        message: (message) => agent.#take(message),
        ended: (how) => agent.#end(how),
      });
      await agent.#ready(signal);
      if (agent.host !== undefined) await agent.clock.compare();
      agent.#state = agent.#state === "starting" ? "working" : agent.#state;
      return agent;
    } catch (error) {
      agent.kill();
      throw error;
    }
  }

  /** Of a process of this machine; 0 elsewhere. */
  get pid(): number {
    return this.#link?.pid ?? 0;
  }

  /** Address of its machine; undefined on this one. */
  get host(): string | undefined {
    return this.#link?.host;
  }

  get works(): boolean {
    return this.#state === "working";
  }

  /** What it last said; of one that ended, that all it had is lost. */
  get report(): AgentReport {
    return this.#report;
  }

  /** Connections that are neither there nor over. */
  undecided(opened: number): number {
    const { connected, over } = this.#report;
    return this.#state === "ended" ? 0 : Math.max(0, opened - connected - over);
  }

  send(message: ToAgent): void {
    if (this.#state !== "ended") this.#link?.send(message);
  }

  /** Undefined when it ended meanwhile. */
  tally(): Promise<Tally | undefined> {
    if (this.#state !== "working") return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#wantsTally = resolve;
      this.send({ do: "tally" });
    });
  }

  /** Resets its connections and ends it; kills it if that takes too long. */
  async end(): Promise<void> {
    this.send({ do: "end" });
    if (this.#state === "working") this.#state = "ending";
    const timer = setTimeout(() => this.kill(), END_TIMEOUT_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  kill(): void {
    if (this.#state === "working") this.#state = "ending";
    this.#link?.kill();
  }

  async #ready(signal: AbortSignal): Promise<void> {
    const timer = setTimeout(
      () => this.#onReady(`did not start in ${START_TIMEOUT_MS / 1000} s`),
      START_TIMEOUT_MS,
    );
    const abort = (): void => this.#onReady("was interrupted");
    signal.addEventListener("abort", abort);
    try {
      const problem = await new Promise<string | undefined>((resolve) => {
        this.#onReady = resolve;
        if (this.#state === "ended") void this.#ended.then((how) => resolve(`ended at its start (${how})`));
        this.send({ do: "prepare", orders: this.orders });
      });
      const where = this.host === undefined ? "" : ` of ${this.host}`;
      if (problem !== undefined) throw new SwarmProblem("failed", `an agent process${where} ${problem}`);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  #take(message: FromAgent): void {
    if (this.#state === "ended") return;
    switch (message.is) {
      case "ready":
        return this.#onReady(undefined);
      case "unable":
        return this.#onReady(`cannot work: ${message.why}`);
      case "report":
        this.#report = message;
        return this.#events.reported(message);
      case "tally":
        this.#wantsTally?.(message);
        this.#wantsTally = undefined;
        return;
      case "clock":
        return this.clock.answered(message.id, message.micros);
      case "ended":
        return;
    }
  }

  #end(how: string): void {
    const worked = this.#state === "working";
    const { connected } = this.#report;
    this.#state = "ended";
    this.clock.end();
    if (worked) {
      const { failures, lost, over } = this.#report;
      const why = `lost: agent ended (${how})`;
      this.#report = {
        ...this.#report,
        connected: 0,
        lost: lost + connected,
        over: over + connected,
        failures: { ...failures, [why]: connected },
        handshakes: [],
        hearing: [],
        answering: [],
      };
    }
    this.#wantsTally?.(undefined);
    this.#wantsTally = undefined;
    this.#onReady(`ended at its start (${how})`);
    this.#resolveEnded(how);
    if (worked) this.#events.died(this, { how, connected });
  }
}
