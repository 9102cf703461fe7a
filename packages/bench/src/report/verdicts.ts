/**
 * The table of targets: measured, must, aim, pass or miss.
 */
import type { Verdict } from "../targets.js";
import type { Table } from "./table.js";

const WORDS = {
  aim: "pass",
  must: "pass, short of the aim",
  miss: "MISS",
  "not measured": "not measured",
} as const;

export function verdictTable(verdicts: readonly Verdict[]): Table {
  return {
    title: "Targets",
    header: ["target", "verdict", "measured", "must", "aim"],
    rows: verdicts.map(({ target, value, verdict }) => {
      const sign = target.better === "lower" ? "≤" : "≥";
      return [
        target.what,
        WORDS[verdict],
        value === undefined ? "" : short(value),
        `${sign} ${target.must}`,
        target.aim === undefined ? "" : `${sign} ${target.aim}`,
      ];
    }),
  };
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
