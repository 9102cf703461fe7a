/**
 * The time while everything is open: nothing but pings first, or clients that send; then the rounds, the last
 * one at the end.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Fleet } from "./fleet.js";
import { SwarmProblem } from "./problem.js";
import type { Report, Round, Sample } from "./report/report.js";
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
}

export interface HoldContext extends RoundContext {
  readonly stage: Stage;
}

/** How long what clients sent last may still be on its way. */
const LINGER_MS = 2_000;

/**
 * Nothing but pings first, or what clients send all the time, then the rounds, spread so that the last one is
 * at the end of the hold.
 */
export async function hold({ holdMs, broadcasts, sendRate }: HoldPlan, context: HoldContext): Promise<Held> {
  const { recorder, fleet, signal, stage } = context;
  const begun = performance.now();
  const first = await recorder.sample();
  const pingsBefore = fleet.totals().pings;
  const cpuFrom = recorder.samples.length;
  stage.enter("holding", holdMs);
  if (sendRate > 0) fleet.sendAt(sendRate);
  const rounds: Round[] = [];
  const problems: string[] = [];
  await rest(begun + holdMs / Math.max(1, broadcasts), signal);
  const atRest = await recorder.sample();
  const seconds = atRest.s - first.s;
  const idle = seconds < 1 ? null : idleFigures(recorder.samples.slice(cpuFrom), first.s, atRest.s);
  const pingsPerSecond = Math.round((fleet.totals().pings - pingsBefore) / Math.max(1, seconds));
  for (let round = 1; round <= broadcasts && !signal.aborted; round++) {
    await rest(begun + (holdMs * round) / broadcasts, signal);
    if (signal.aborted) break;
    stage.enter("broadcasting");
    try {
      rounds.push(await playRound(round, context));
    } catch (error) {
      // What was seen until here is worth its report.
      if (!(error instanceof SwarmProblem)) throw error;
      problems.push(error.message);
      break;
    }
    stage.enter("holding", begun + holdMs - performance.now());
  }
  const messages = sendRate > 0 ? await lastMessages(fleet, performance.now() - begun, signal) : null;
  return { rounds, problems, idle: idle === null ? null : { ...idle, pingsPerSecond }, messages, atRest };
}

/** Ends the sending, and what came of it. */
async function lastMessages(
  fleet: Fleet,
  sentForMs: number,
  signal: AbortSignal,
): Promise<Report["messages"]> {
  fleet.sendAt(0);
  await rest(performance.now() + LINGER_MS, signal);
  // With a tally comes a report.
  await fleet.tallies();
  const { sent, refused, heard } = fleet.totals();
  const { hearing, answering } = fleet;
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
