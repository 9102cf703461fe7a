/**
 * What a bench run leaves behind: the JSON file's shape, and how figures are found in it.
 */
import type { Machine } from "./measure/machine.js";
import { pairedRatios, type Summary, summarise } from "./statistics.js";

/** One figure of a scenario: how to show it and which way is good. */
export interface Metric {
  readonly key: string;
  readonly label: string;
  readonly unit: string;
  readonly better: "lower" | "higher";
  /** Decimals. */
  readonly digits: number;
  /** Left out of the table; in the JSON only. */
  readonly hidden?: boolean;
  /**
   * How it is held against others and against earlier results: by ratio to a peer's (default), by our own
   * figure, or not at all because it only says under which conditions the others came about.
   */
  readonly compare?: "own" | "never";
  /** A difference that is noise, in the metric's unit. */
  readonly noise?: number;
}

/** One peer in one case of one scenario in one run. */
export interface Measurement {
  readonly scenario: string;
  readonly case: string;
  readonly peer: string;
  readonly run: number;
  /** By metric key. */
  readonly values: Readonly<Record<string, number>>;
  /** Failures by reason, if any. */
  readonly failed?: Readonly<Record<string, number>>;
  /** How server and load client were run. */
  readonly commands: readonly string[];
  /** What other programs and the hypervisor took of the machine meanwhile, %. */
  readonly others: number;
  /** Figures over time, for charts: each point is [seconds, value]. */
  readonly series?: Readonly<Record<string, readonly (readonly [number, number])[]>>;
}

export interface Missing {
  readonly scenario: string;
  readonly peer: string;
  readonly reason: string;
}

export interface ScenarioInfo {
  readonly name: string;
  readonly title: string;
  readonly metrics: readonly Metric[];
}

export interface BenchResult {
  readonly format: 1;
  readonly command: string;
  readonly startedAt: string;
  readonly seconds: number;
  readonly quick: boolean;
  readonly runs: number;
  readonly loadClients: readonly string[];
  readonly machine: Machine;
  readonly scenarios: readonly ScenarioInfo[];
  readonly peers: Readonly<Record<string, string>>;
  readonly measurements: readonly Measurement[];
  readonly missing: readonly Missing[];
}

/** Names one figure: the peer, the place, the quantity. */
export interface Figure {
  readonly scenario: string;
  readonly case: string;
  readonly peer: string;
  readonly metric: string;
}

/** The key of our own rows. */
export const OURS = "ours";

/** Values by run. */
export function valuesOf(result: BenchResult, figure: Figure): Map<number, number> {
  const values = new Map<number, number>();
  for (const each of result.measurements) {
    const matches =
      each.scenario === figure.scenario && each.case === figure.case && each.peer === figure.peer;
    const value = each.values[figure.metric];
    if (matches && value !== undefined) values.set(each.run, value);
  }
  return values;
}

export function summaryOf(result: BenchResult, figure: Figure): Summary | undefined {
  return summarise([...valuesOf(result, figure).values()]);
}

/** Ours by the peer's, run by run. */
export function ratioOf(result: BenchResult, figure: Figure): Summary | undefined {
  const mine = valuesOf(result, { ...figure, peer: OURS });
  return summarise(pairedRatios(mine, valuesOf(result, figure)));
}

/** A figure by that of another case of the same peer, run by run. */
export function ratioOfCases(result: BenchResult, figure: Figure, other: string): Summary | undefined {
  return summarise(pairedRatios(valuesOf(result, figure), valuesOf(result, { ...figure, case: other })));
}

/** Cases of a scenario in the order in which they were measured. */
export function casesOf(result: BenchResult, scenario: string): string[] {
  const own = result.measurements.filter((each) => each.scenario === scenario);
  return [...new Set(own.map((each) => each.case))];
}

/** Peers of a case, ours first. */
export function peersOf(result: BenchResult, scenario: string, name: string): string[] {
  const own = result.measurements.filter((each) => each.scenario === scenario && each.case === name);
  return [...new Set(own.map((each) => each.peer))].sort((a, b) => rank(a) - rank(b));
}

function rank(peer: string): number {
  return peer === OURS ? 0 : 1;
}
