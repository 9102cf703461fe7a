/**
 * The one table: a block for each scenario, a line for each case and peer, and what ours is by that peer's.
 *
 * The same rows become aligned text for the terminal and Markdown for the docs.
 */
import {
  type BenchResult,
  casesOf,
  type Metric,
  OURS,
  peersOf,
  ratioOf,
  type ScenarioInfo,
  summaryOf,
} from "../result.js";
import { spread } from "../statistics.js";
import { formatNumber, formatRatio, formatSpread } from "./numbers.js";

export interface Table {
  readonly title: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** One table for each scenario that has measurements. */
export function tablesOf(result: BenchResult): Table[] {
  return result.scenarios
    .filter(({ name }) => casesOf(result, name).length > 0)
    .map((scenario) => tableOf(result, scenario));
}

/** No rows where nothing was measured. */
export function tableOf(result: BenchResult, scenario: ScenarioInfo): Table {
  const metrics = scenario.metrics.filter(
    (metric) => !metric.hidden && isMeasured(result, scenario.name, metric),
  );
  const rows: string[][] = [];
  for (const name of casesOf(result, scenario.name)) {
    for (const peer of peersOf(result, scenario.name, name)) {
      const cells = metrics.map((metric) => cellOf(result, scenario.name, name, peer, metric));
      if (cells.every((cell) => cell === "")) continue;
      rows.push([name, result.peers[peer] ?? peer, ...cells, othersCell(result, scenario.name, name, peer)]);
    }
  }
  return {
    title: `${scenario.title} (${scenario.name})`,
    header: [
      "case",
      "who",
      ...metrics.map(({ label, unit }) => (unit === "" ? label : `${label}, ${unit}`)),
      "others, %",
    ],
    rows,
  };
}

function isMeasured(result: BenchResult, scenario: string, { key }: Metric): boolean {
  return result.measurements.some((each) => each.scenario === scenario && each.values[key] !== undefined);
}

/** `6,812 ±4% (×1.08)`: the median, the spread, and ours by this peer's. */
function cellOf(result: BenchResult, scenario: string, name: string, peer: string, metric: Metric): string {
  const figure = { scenario, case: name, peer, metric: metric.key };
  const summary = summaryOf(result, figure);
  if (summary === undefined) return "";
  const parts = [formatNumber(summary.median, metric.digits), formatSpread(spread(summary))];
  const ratio = peer === OURS || metric.compare !== undefined ? undefined : ratioOf(result, figure);
  if (ratio !== undefined) parts.push(`(${formatRatio(ratio.median)})`);
  return parts.filter((part) => part !== "").join(" ");
}

/** The most that other programs took of the machine in any of the runs. */
function othersCell(result: BenchResult, scenario: string, name: string, peer: string): string {
  const own = result.measurements.filter(
    (each) => each.scenario === scenario && each.case === name && each.peer === peer,
  );
  return formatNumber(Math.max(...own.map(({ others }) => others)), 0);
}

/**
 * Aligned columns: the first two to the left, figures to the right. A case is named on its first line only.
 */
export function textTable({ title, header, rows }: Table): string {
  const lines = [
    header,
    ...rows.map((row, i) => (rows[i - 1]?.[0] === row[0] ? ["", ...row.slice(1)] : row)),
  ];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  const text = lines.map((line) =>
    line
      .map((cell, column) =>
        column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
  return [title, ...text].join("\n");
}

export function markdownTable({ header, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rule = header.map((_, column) => (column < 2 ? "---" : "---:"));
  return [line(header), line(rule), ...rows.map(line)].join("\n");
}
