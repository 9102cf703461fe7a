/**
 * The process of an agent: does what the coordinator says, reports, and ends with it.
 *
 * Invariant: it never outlives its coordinator. Ctrl-C reaches the whole group, so signals are the
 * coordinator's to answer.
 */
import type { FromAgent, ToAgent } from "../messages.js";
import { Pacer } from "../pacer.js";
import { Agent } from "./agent.js";

const TICK_MS = 50;
/** While connections are on their way; otherwise a tenth as often. */
const REPORT_MS = 250;
const CALM_REPORT_MS = 2_500;
/** How often an agent at rest looks whether there is work. */
const LOOK_MS = 250;
/** Messages that clients send in one tick at most. */
const SENDS_PER_TICK = 1_000;

function say(message: FromAgent): void {
  process.send?.(message);
}

/** Looks after the agent's connections while some are on their way, and reports. */
class Service {
  readonly #agent: Agent;
  #state: "working" | "resting" | "ending" = "resting";
  #timer: NodeJS.Timeout | undefined;
  /** Of what clients send. */
  #pacer: Pacer | undefined;
  /** Of connections that end and are opened again. */
  #churn: Pacer | undefined;
  #reportedMs = 0;

  constructor(agent: Agent) {
    this.#agent = agent;
    this.#rest();
  }

  obey(message: ToAgent): void {
    if (this.#state === "ending") return;
    switch (message.do) {
      case "open":
        this.#agent.open(message.count);
        return this.#wake();
      case "expect":
        return this.#agent.expect(message.round);
      case "tally":
        this.#report();
        return say({ is: "tally", ...this.#agent.tally() });
      case "send":
        this.#pacer = pacerOf(message.perSecond);
        return this.#wake();
      case "churn":
        this.#churn = pacerOf(message.perSecond);
        return this.#wake();
      case "storm":
        this.#agent.storm(message.count);
        return this.#wake();
      case "close":
        this.#agent.shrink(message.count);
        return this.#wake();
      case "clock":
        this.#agent.clock.adjust(message.offsetMicros);
        return say({ is: "clock", id: message.id, micros: this.#agent.clock.ownMicros() });
      case "end":
        this.#state = "ending";
        clearTimeout(this.#timer);
        this.#agent.close();
        process.disconnect();
        return;
      case "prepare":
        return;
    }
  }

  /** Work that is going on is not put off. */
  #wake(): void {
    if (this.#state === "resting") this.#work();
  }

  #work(): void {
    clearTimeout(this.#timer);
    this.#agent.tick();
    const now = performance.now();
    if (this.#pacer !== undefined) this.#agent.send(this.#pacer.take(now, SENDS_PER_TICK));
    if (this.#churn !== undefined) this.#agent.churn(this.#churn.take(now, SENDS_PER_TICK));
    const paced = this.#pacer !== undefined || this.#churn !== undefined;
    if (!this.#agent.busy && !paced) return this.#rest();
    this.#state = "working";
    if (performance.now() - this.#reportedMs >= REPORT_MS) this.#report();
    this.#timer = setTimeout(() => this.#work(), TICK_MS);
  }

  #rest(): void {
    this.#state = "resting";
    this.#report();
    this.#timer = setTimeout(() => this.#look(), LOOK_MS);
  }

  /** A session that ended by itself, and is to be opened again, ends the rest. */
  #look(): void {
    if (this.#agent.busy) return this.#work();
    if (performance.now() - this.#reportedMs >= CALM_REPORT_MS) return this.#rest();
    this.#timer = setTimeout(() => this.#look(), LOOK_MS);
  }

  #report(): void {
    this.#reportedMs = performance.now();
    say({ is: "report", ...this.#agent.report() });
  }
}

function pacerOf(perSecond: number): Pacer | undefined {
  return perSecond > 0 ? new Pacer(perSecond, performance.now()) : undefined;
}

process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
process.on("disconnect", () => process.exit());
process.once("message", async (message: ToAgent) => {
  if (message.do !== "prepare") return process.exit(1);
  try {
    const service = new Service(await Agent.create(message.orders, () => performance.now()));
    process.on("message", (next: ToAgent) => service.obey(next));
    say({ is: "ready" });
  } catch (error) {
    say({ is: "unable", why: (error as Error).message });
  }
});
