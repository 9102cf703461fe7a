/**
 * A doctor's report as text: a line for what is well, a paragraph for what is not.
 *
 * Owns words, columns and colours. Invariant: without colours it has the same words.
 */
import type { CheckResult, DoctorReport } from "@holdfast/doctor";

export interface DoctorTextOptions {
  readonly colour: boolean;
}

const COLOURS = Object.freeze({
  ok: "\x1b[32m",
  warning: "\x1b[33m",
  failed: "\x1b[31m",
  skipped: "\x1b[2m",
});
const RESET = "\x1b[0m";
const INDENT = " ".repeat(11);

export function doctorText({ groups, counts }: DoctorReport, { colour }: DoctorTextOptions): string {
  const paragraphs = groups.map(({ title, results }) => [title, ...linesOf(results, colour)].join("\n"));
  return [...paragraphs, summaryOf(counts)].join("\n\n");
}

/** `61 checks: 40 ok, 5 warnings, 1 failed, 15 skipped` */
function summaryOf(counts: DoctorReport["counts"]): string {
  const { ok, warning, failed, skipped } = counts;
  const all = ok + warning + failed + skipped;
  return `${all} checks: ${ok} ok, ${warning} ${warning === 1 ? "warning" : "warnings"}, ${failed} failed, ${skipped} skipped`;
}

/** A group that was skipped for one reason is one line. */
function linesOf(results: readonly CheckResult[], colour: boolean): string[] {
  const [first] = results;
  const isLeftOut = results.every(({ outcome, found }) => outcome === "skipped" && found === first?.found);
  if (first === undefined || !isLeftOut) return results.map((result) => resultText(result, colour));
  return [
    `  ${wordOf("skipped", colour)}  ${first.code} to ${results.at(-1)?.code ?? first.code}: ${first.found}`,
  ];
}

function wordOf(outcome: CheckResult["outcome"], colour: boolean): string {
  const word = outcome.padEnd(7);
  return colour ? `${COLOURS[outcome]}${word}${RESET}` : word;
}

function resultText(result: CheckResult, colour: boolean): string {
  const { code, title, outcome, found, why, limits, mend, link } = result;
  const head = `  ${wordOf(outcome, colour)}  ${code}  ${title}: ${found}`;
  if (outcome === "ok" || outcome === "skipped") return head;
  const figures = limits.map(({ id, value, unit, source }) => `${id}: ${shown(value)} ${unit} (${source})`);
  return [
    head,
    `why:  ${why}`,
    ...figures.map((each) => `      ${each}`),
    `mend: ${mend}`,
    `      ${link}`,
  ].join(`\n${INDENT}`);
}

function shown(value: number | string | boolean): string {
  return typeof value === "number" ? value.toLocaleString("en-US") : String(value);
}
