/**
 * The table of what got worse.
 */
import type { Regression } from "../regression.js";
import type { BenchResult } from "../result.js";
import type { Summary } from "../statistics.js";
import type { Table } from "./table.js";

export function regressionTable(found: readonly Regression[], result: BenchResult): Table {
  return {
    title: "Worse than before",
    header: ["scenario", "case", "what", "before", "after"],
    rows: found.map(({ scenario, case: name, metric, against, before, after }) => [
      scenario,
      name,
      against === undefined
        ? `${metric.label}, ${metric.unit}`
        : `${metric.label} by ${result.peers[against] ?? against}'s`,
      range(before),
      range(after),
    ]),
  };
}

/** `1.04 (0.98–1.10)` */
function range({ median, min, max }: Summary): string {
  const [middle, least, most] = [median, min, max].map((value) => Number(value.toPrecision(3)));
  return `${middle} (${least}–${most})`;
}
