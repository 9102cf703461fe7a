/**
 * One agent as its coordinator sees it: a forked process, its last report, its end.
 *
 * Invariant: every promise it gives settles, with the process's end if not before.
 */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { AgentOrders, AgentReport, FromAgent, Tally, ToAgent } from "./messages.js";
import { SwarmProblem } from "./problem.js";

const MAIN = fileURLToPath(new URL("./agent/main.js", import.meta.url));
/** Small heaps: connections are mostly outside of it, and what they leave behind is soon garbage. */
const NODE_FLAGS = ["--max-semi-space-size=2", "--v8-pool-size=1", "--max-old-space-size=1024"];
const START_TIMEOUT_MS = 60_000;
const END_TIMEOUT_MS = 20_000;

const NO_REPORT: AgentReport = Object.freeze({
  connected: 0,
  givenUp: 0,
  lost: 0,
  failures: Object.freeze({}),
  pings: 0,
  handshakes: [],
  sent: 0,
  refused: 0,
  heard: 0,
  hearing: [],
  answering: [],
});

export class AgentProcess {
  readonly orders: AgentOrders;
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;
  readonly #onReport: (report: AgentReport) => void;
  #report = NO_REPORT;
  #lost = 0;
  #wantsTally: ((tally: Tally | undefined) => void) | undefined;
  #state: "working" | "ending" | "ended" = "working";

  private constructor(orders: AgentOrders, onReport: (report: AgentReport) => void) {
    this.orders = orders;
    this.#onReport = onReport;
    this.#child = fork(MAIN, [], { execArgv: NODE_FLAGS, stdio: ["ignore", "ignore", "inherit", "ipc"] });
    // A message to a process that just ended; its end is what counts.
    this.#child.on("error", () => {});
    this.#ended = new Promise((resolve) => {
      this.#child.once("exit", (code, signal) => {
        this.#end(`agent ended (${signal ?? `code ${code}`})`);
        resolve(`${signal ?? code}`);
      });
    });
  }

  /** Resolves when it is ready to connect. Rejects with a `SwarmProblem` when it cannot. */
  static async start(
    orders: AgentOrders,
    onReport: (report: AgentReport) => void,
    signal: AbortSignal,
  ): Promise<AgentProcess> {
    const agent = new AgentProcess(orders, onReport);
    try {
      await agent.#ready(signal);
      return agent;
    } catch (error) {
      agent.kill();
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get works(): boolean {
    return this.#state === "working";
  }

  /** What it last said; of one that ended, that all it had is lost. */
  get report(): AgentReport {
    return this.#report;
  }

  /** Connections that are neither there nor given up nor lost. */
  undecided(opened: number): number {
    const { connected, givenUp, lost } = this.#report;
    return this.#state === "ended" ? 0 : Math.max(0, opened - connected - givenUp - lost);
  }

  send(message: ToAgent): void {
    if (this.#state === "working" && this.#child.connected) this.#child.send(message, () => {});
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
    this.#child.kill("SIGKILL");
  }

  async #ready(signal: AbortSignal): Promise<void> {
    let refuse = (_why: string): void => {};
    const timer = setTimeout(() => refuse(`did not start in ${START_TIMEOUT_MS / 1000} s`), START_TIMEOUT_MS);
    const abort = (): void => refuse("was interrupted");
    signal.addEventListener("abort", abort);
    try {
      await new Promise<void>((resolve, reject) => {
        refuse = (why) => reject(new SwarmProblem("failed", `an agent process ${why}`));
        this.#child.on("message", (message: FromAgent) => {
          if (message.is === "ready") resolve();
          else if (message.is === "unable") refuse(`cannot work: ${message.why}`);
          else this.#take(message);
        });
        this.#child.once("error", (error) => refuse(`cannot be started: ${error.message}`));
        void this.#ended.then((how) => refuse(`ended at its start (${how})`));
        this.send({ do: "prepare", orders: this.orders });
      });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  #take(message: FromAgent): void {
    if (message.is === "report") {
      this.#report = message;
      this.#lost = message.lost;
      this.#onReport(message);
    } else if (message.is === "tally") {
      this.#wantsTally?.(message);
      this.#wantsTally = undefined;
    }
  }

  #end(why: string): void {
    if (this.#state === "working") {
      const { connected, failures } = this.#report;
      this.#report = {
        ...this.#report,
        connected: 0,
        lost: this.#lost + connected,
        failures: { ...failures, [`lost: ${why}`]: connected },
        handshakes: [],
        hearing: [],
        answering: [],
      };
    }
    this.#state = "ended";
    this.#wantsTally?.(undefined);
    this.#wantsTally = undefined;
  }
}
