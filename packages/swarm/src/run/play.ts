/**
 * Plays the steps of a run, one after the other, until the last one, an abort, or a problem.
 *
 * Invariant: a step that was begun has a result, also where the run is aborted in it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Crew } from "../fleet/crew.js";
import { SwarmProblem } from "../problem.js";
import type { Round } from "../report/report.js";
import { type RunStep, type StepResult, unmetExpectations } from "../step.js";
import { type Held, type HoldContext, hold } from "./hold.js";
import { StepMeter } from "./step-meter.js";

export interface PlayContext extends HoldContext {
  readonly crew: Crew;
  /** Asks an instance to drain; undefined: the one of the run. Rejects with a `SwarmProblem`. */
  drain(admin: string | undefined): Promise<void>;
}

export interface Played {
  readonly steps: readonly StepResult[];
  /** Of the holds; of several, rounds and problems of all, and the rest of the last one. */
  readonly held: Held | undefined;
  readonly rampSeconds: number;
  readonly problems: readonly string[];
}

const POLL_MS = 50;

export async function playSteps(steps: readonly RunStep[], context: PlayContext): Promise<Played> {
  const results: StepResult[] = [];
  const problems: string[] = [];
  let held: Held | undefined;
  let rampSeconds = 0;
  for (const step of steps) {
    if (context.signal.aborted || problems.length > 0) break;
    const meter = new StepMeter(context.fleet);
    let rounds: readonly Round[] = [];
    try {
      if (step.do === "hold") {
        const firstRound = (held?.rounds.length ?? 0) + 1;
        const now = await hold({ ...step, firstRound }, context);
        rounds = now.rounds;
        held = joined(held, now);
        problems.push(...now.problems);
      } else await playOther(step, context);
    } catch (error) {
      // What was seen until here is worth its report.
      if (!(error instanceof SwarmProblem)) throw error;
      problems.push(`step "${step.name}": ${error.message}`);
    }
    if (step.do === "ramp") rampSeconds += meter.seconds;
    const figures = meter.figures(rounds);
    const unmet = context.signal.aborted ? [] : unmetExpectations(step.name, step.expect, figures);
    results.push({ name: step.name, do: step.do, figures, unmet, expected: step.expect.length });
  }
  return { steps: results, held, rampSeconds, problems };
}

async function playOther(step: Exclude<RunStep, { do: "hold" }>, context: PlayContext): Promise<void> {
  const { crew, fleet, stage, signal } = context;
  if (step.do === "ramp") {
    crew.opener.start(step.rate);
    await crew.resize(step.connections);
    stage.enter("opening");
    return within(step.withinMs, crew.opener.settled(signal), signal);
  }
  stage.enter(step.do, step.withinMs);
  const before = fleet.totals();
  const target = before.connected;
  if (step.do === "storm") {
    fleet.share(step.connections, (share) => ({ do: "storm", count: Math.ceil(share) }));
    await allBack(context, target, before.again + Math.min(target, step.connections), step.withinMs);
    return;
  }
  await context.drain(step.admin);
  await allBack(context, target, before.again + 1, step.withinMs);
}

/** Until as many sessions stand again as at the beginning, or the time is over. */
async function allBack(
  { fleet, signal }: PlayContext,
  connected: number,
  again: number,
  withinMs: number,
): Promise<void> {
  const until = performance.now() + withinMs;
  while (!signal.aborted && performance.now() < until) {
    const now = fleet.totals();
    if (now.again >= again && now.connected >= connected) return;
    await sleep(POLL_MS);
  }
}

async function within(ms: number | undefined, work: Promise<void>, signal: AbortSignal): Promise<void> {
  if (ms === undefined) return work;
  const over = new AbortController();
  const late = sleep(ms, undefined, { signal: AbortSignal.any([signal, over.signal]) }).catch(() => {});
  await Promise.race([work, late]);
  over.abort();
}

function joined(before: Held | undefined, now: Held): Held {
  if (before === undefined) return now;
  const messages =
    now.messages === null || before.messages === null
      ? (now.messages ?? before.messages)
      : { ...now.messages, seconds: before.messages.seconds + now.messages.seconds };
  return {
    ...now,
    messages,
    idle: now.idle ?? before.idle,
    rounds: [...before.rounds, ...now.rounds],
    problems: [...before.problems, ...now.problems],
  };
}
