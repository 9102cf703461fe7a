/**
 * The steps of a run: what is done to a gateway, one after the other, and what is expected of each.
 *
 * A run without a scenario has two of them, a ramp and a hold. Invariant: a step has an end of its own,
 * whatever the gateway does.
 */

export interface RampStep {
  readonly do: "ramp";
  /** Connections that there are at its end; fewer than before closes some. */
  readonly connections: number;
  /** A second. */
  readonly rate: number;
  /** How long it may take; undefined: until each is there or given up. */
  readonly withinMs?: number | undefined;
}

export interface HoldStep {
  readonly do: "hold";
  readonly holdMs: number;
  /** Messages of clients a second, all together. */
  readonly sendRate: number;
  /** Connections that end and are opened again a second, all together. */
  readonly churnRate: number;
  /** Broadcasts, the last one at the end. */
  readonly broadcasts: number;
}

/** Many connections end at once, and come back as clients do. */
export interface StormStep {
  readonly do: "storm";
  readonly connections: number;
  /** Until all are back. */
  readonly withinMs: number;
}

/** An instance is drained, and its clients go to others. */
export interface DrainStep {
  readonly do: "drain";
  /** Admin port of the instance; undefined: that of the run. */
  readonly admin: string | undefined;
  /** Until all are back. */
  readonly withinMs: number;
}

export type RunStep = (RampStep | HoldStep | StormStep | DrainStep) & {
  /** What the report calls it. */
  readonly name: string;
  readonly expect: readonly Expectation[];
};

/** A figure of a step, and the range in which it is to be; both ends belong to it. */
export interface Expectation {
  readonly figure: FigureName;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** What is known of a step at its end. Counts are those of the step, but for `connected`. */
export interface StepFigures {
  readonly seconds: number;
  /** Sessions at its end. */
  readonly connected: number;
  readonly givenUp: number;
  /** Sessions that ended by themselves. */
  readonly lost: number;
  /** Sessions that stand again. */
  readonly again: number;
  /** A second. */
  readonly handshakes: number;
  /** Null where there was none. */
  readonly handshakeP50Ms: number | null;
  readonly handshakeP99Ms: number | null;
  readonly sent: number;
  readonly refused: number;
  readonly heard: number;
  readonly messageP50Ms: number | null;
  readonly messageP99Ms: number | null;
  readonly answerP99Ms: number | null;
  /** Of the broadcasts of the step. */
  readonly broadcastMissing: number;
  readonly broadcastRepeated: number;
  readonly broadcastP99Ms: number | null;
}

export type FigureName = keyof StepFigures;

export const FIGURE_NAMES: readonly FigureName[] = Object.freeze([
  "seconds",
  "connected",
  "givenUp",
  "lost",
  "again",
  "handshakes",
  "handshakeP50Ms",
  "handshakeP99Ms",
  "sent",
  "refused",
  "heard",
  "messageP50Ms",
  "messageP99Ms",
  "answerP99Ms",
  "broadcastMissing",
  "broadcastRepeated",
  "broadcastP99Ms",
]);

/** A step that was played. */
export interface StepResult {
  readonly name: string;
  readonly do: RunStep["do"];
  readonly figures: StepFigures;
  /** What was expected and is not so, a sentence each. */
  readonly unmet: readonly string[];
  /** How many expectations it had. */
  readonly expected: number;
}

/** What is not as expected. `step`: its name. */
export function unmetExpectations(
  step: string,
  expect: readonly Expectation[],
  figures: StepFigures,
): string[] {
  return expect.flatMap(({ figure, min, max }) => {
    const value = figures[figure];
    const wanted =
      min === undefined ? `at most ${max}` : max === undefined ? `at least ${min}` : rangeText(min, max);
    if (value === null) return [`step "${step}": ${figure} was to be ${wanted}, and there was none`];
    const met = (min === undefined || value >= min) && (max === undefined || value <= max);
    return met ? [] : [`step "${step}": ${figure} is ${value}, not ${wanted}`];
  });
}

function rangeText(min: number, max: number): string {
  return min === max ? String(min) : `${min} to ${max}`;
}
