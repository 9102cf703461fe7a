/**
 * The time while everything is open: nothing but pings first, or clients that send; then the rounds, the last
 * one at the end.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Fleet } from "../fleet/fleet.js";
import { SwarmProblem } from "../problem.js";
import type { Report, Round, Sample } from "../report/report.js";
import { playRound, type RoundContext } from "./rounds.js";
import type { Stage } from "./stage.js";

export interface Held {
  readonly rounds: readonly Round[];
  /** Why there are no more of them; empty when there are as many as were asked for. */
  readonly problems: readonly string[];
  readonly idle: Report["idle"];
  readonly messages: Report["messages"];
  /** Before the first broadcast, when memory is that of connections alone. */
  readonly atRest: Sample;
}

export interface HoldPlan {
  readonly holdMs: number;
  readonly broadcasts: number;
  /** Messages of clients a second; 0: none. */
  readonly sendRate: number;
  /** Connections that are ended and opened again a second; 0: none. */
  readonly churnRate: number;
  /** Number of the first round. */
  readonly firstRound: number;
}

export interface HoldContext extends RoundContext {
  readonly stage: Stage;
}

/** How often the rates are shared out anew, if agents or connections are others. */
const SHARE_MS = 2_000;
/** How long what clients sent last may still be on its way. */
const LINGER_MS = 2_000;

/** What clients do all the time, shared out among the agents by the connections that they have. */
class Rates {
  readonly #fleet: Fleet;
  readonly #sendRate: number;
  readonly #churnRate: number;
  readonly #timer: NodeJS.Timeout;
  #shared = "";

  constructor(fleet: Fleet, sendRate: number, churnRate: number) {
    this.#fleet = fleet;
    this.#sendRate = sendRate;
    this.#churnRate = churnRate;
    this.#share();
    this.#timer = setInterval(() => this.#share(), SHARE_MS);
  }

  end(): void {
    clearInterval(this.#timer);
    if (this.#sendRate > 0) this.#fleet.tell({ do: "send", perSecond: 0 });
    if (this.#churnRate > 0) this.#fleet.tell({ do: "churn", perSecond: 0 });
  }

  #share(): void {
    const fleet = this.#fleet;
    // A pacer that begins anew has lost a moment, so it does only where something has changed.
    const now = fleet.working.map(({ agent, wanted }) => `${agent.orders.first}:${wanted}`).join();
    if (now === this.#shared) return;
    this.#shared = now;
    if (this.#sendRate > 0) fleet.share(this.#sendRate, (perSecond) => ({ do: "send", perSecond }));
    if (this.#churnRate > 0) fleet.share(this.#churnRate, (perSecond) => ({ do: "churn", perSecond }));
  }
}

/**
 * Nothing but pings first, or what clients send all the time, then the rounds, spread so that the last one is
 * at the end of the hold.
 */
export async function hold(plan: HoldPlan, context: HoldContext): Promise<Held> {
  const { holdMs, broadcasts, sendRate, churnRate, firstRound } = plan;
  const { recorder, fleet, signal, stage } = context;
  const begun = performance.now();
  const first = await recorder.sample();
  const pingsBefore = fleet.totals().pings;
  const cpuFrom = recorder.samples.length;
  stage.enter("holding", holdMs);
  const rates = new Rates(fleet, sendRate, churnRate);
  const rounds: Round[] = [];
  const problems: string[] = [];
  await rest(begun + holdMs / Math.max(1, broadcasts), signal);
  const atRest = await recorder.sample();
  const seconds = atRest.s - first.s;
  const idle = seconds < 1 ? null : idleFigures(recorder.samples.slice(cpuFrom), first.s, atRest.s);
  const pingsPerSecond = Math.round((fleet.totals().pings - pingsBefore) / Math.max(1, seconds));
  for (let done = 1; done <= broadcasts && !signal.aborted; done++) {
    await rest(begun + (holdMs * done) / broadcasts, signal);
    if (signal.aborted) break;
    stage.enter("broadcasting");
    try {
      rounds.push(await playRound(firstRound + done - 1, context));
    } catch (error) {
      // What was seen until here is worth its report.
      if (!(error instanceof SwarmProblem)) throw error;
      problems.push(error.message);
      break;
    }
    stage.enter("holding", begun + holdMs - performance.now());
  }
  rates.end();
  const messages = sendRate > 0 ? await lastMessages(fleet, performance.now() - begun, signal) : null;
  return { rounds, problems, idle: idle === null ? null : { ...idle, pingsPerSecond }, messages, atRest };
}

/** What came of the sending, which has ended. */
async function lastMessages(
  fleet: Fleet,
  sentForMs: number,
  signal: AbortSignal,
): Promise<Report["messages"]> {
  await rest(performance.now() + LINGER_MS, signal);
  // With a tally comes a report.
  await fleet.tallies();
  const { sent, refused, heard } = fleet.totals();
  const [hearing, answering] = [fleet.hearing.all, fleet.answering.all];
  return {
    seconds: Math.round(sentForMs / 1000),
    sent,
    refused,
    heard,
    p50Ms: hearing.quantile(0.5) / 1000,
    p99Ms: hearing.quantile(0.99) / 1000,
    maxMs: hearing.max / 1000,
    answerP50Ms: answering.quantile(0.5) / 1000,
    answerP99Ms: answering.quantile(0.99) / 1000,
  };
}

function idleFigures(
  samples: readonly Sample[],
  from: number,
  to: number,
): Omit<NonNullable<Report["idle"]>, "pingsPerSecond"> {
  let [gateway, agents, delay]: [number | null, number, number | null] = [0, 0, null];
  let before = from;
  for (const sample of samples) {
    const share = (sample.s - before) / (to - from);
    before = sample.s;
    agents += sample.agentsCpu * share;
    gateway = gateway === null || sample.gatewayCpu === null ? null : gateway + sample.gatewayCpu * share;
    if (sample.loopDelayP99Ms !== null) delay = Math.max(delay ?? 0, sample.loopDelayP99Ms);
  }
  return { seconds: Math.round(to - from), gatewayCpu: gateway, agentsCpu: agents, loopDelayP99Ms: delay };
}

async function rest(untilMs: number, signal: AbortSignal): Promise<void> {
  const ms = untilMs - performance.now();
  // An abort ends the rest, not the run.
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => {});
}
