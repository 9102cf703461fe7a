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
        // Work that is going on is not put off.
        if (this.#state === "resting") this.#work();
        return;
      case "expect":
        return this.#agent.expect(message.round);
      case "tally":
        this.#report();
        return say({ is: "tally", ...this.#agent.tally() });
      case "send":
        this.#pacer = message.perSecond > 0 ? new Pacer(message.perSecond, performance.now()) : undefined;
        if (this.#state === "resting") this.#work();
        return;
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

  #work(): void {
    clearTimeout(this.#timer);
    this.#agent.tick();
    if (this.#pacer !== undefined) this.#agent.send(this.#pacer.take(performance.now(), SENDS_PER_TICK));
    if (!this.#agent.busy && this.#pacer === undefined) return this.#rest();
    this.#state = "working";
    if (performance.now() - this.#reportedMs >= REPORT_MS) this.#report();
    this.#timer = setTimeout(() => this.#work(), TICK_MS);
  }

  #rest(): void {
    this.#state = "resting";
    this.#report();
    this.#timer = setTimeout(() => this.#rest(), CALM_REPORT_MS);
  }

  #report(): void {
    this.#reportedMs = performance.now();
    say({ is: "report", ...this.#agent.report() });
  }
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
