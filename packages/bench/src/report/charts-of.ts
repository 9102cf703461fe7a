/**
 * Which charts a result gets: a bar chart for the first figures of each scenario, a line chart for what has a
 * course.
 */
import { lineChart } from "@holdfast/swarm/report";
import type { BenchResult, Metric, ScenarioInfo } from "../result.js";
import { barChart } from "./chart.js";

export interface Chart {
  /** bench-<scenario>-<what>.svg */
  readonly file: string;
  readonly svg: string;
}

const BARS_PER_SCENARIO = 2;

export function chartsOf(result: BenchResult): Chart[] {
  return result.scenarios.flatMap((scenario) => [...bars(result, scenario), ...courses(result, scenario)]);
}

function bars(result: BenchResult, scenario: ScenarioInfo): Chart[] {
  const shown = scenario.metrics.filter((metric) => !metric.hidden && metric.compare === undefined);
  return shown.slice(0, BARS_PER_SCENARIO).flatMap((metric) => {
    const svg = barChart(result, scenario.name, metric, heading(scenario, metric));
    return svg === undefined ? [] : [{ file: `bench-${scenario.name}-${metric.key}.svg`, svg }];
  });
}

function heading(scenario: ScenarioInfo, { label, unit, better }: Metric): string {
  return `${scenario.title}: ${[label, unit].filter((part) => part !== "").join(", ")} (${better} is better)`;
}

/** Everything that was recorded over time in the first run, one chart for each kind of series. */
function courses(result: BenchResult, scenario: ScenarioInfo): Chart[] {
  const own = result.measurements.filter((each) => each.scenario === scenario.name && each.run === 1);
  const names = new Set(own.flatMap(({ series }) => Object.keys(series ?? {})));
  return [...names].flatMap((name) => {
    const lines = own.flatMap((each) => {
      const points = each.series?.[name];
      return points === undefined ? [] : [{ name: `${each.case}`, points }];
    });
    const svg = lineChart(lines, `${scenario.title}: ${name}`, name);
    return svg === undefined
      ? []
      : [{ file: `bench-${scenario.name}-${name.replaceAll(/\W+/g, "-")}.svg`, svg }];
  });
}
