/**
 * The files of a report: `report.json` and `report.html` in one folder.
 */
import { accessSync, constants, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SwarmProblem } from "../problem.js";
import { htmlReport } from "./html.js";
import type { Report } from "./report.js";

/** Makes the folder before a run, so that none is in vain. Throws a `SwarmProblem`. */
export function prepareFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new SwarmProblem("failed", `cannot write the report to ${folder}: ${(error as Error).message}`);
  }
}

/** Returns the paths that were written. */
export function writeReport(folder: string, report: Report): readonly string[] {
  const [json, html] = [join(folder, "report.json"), join(folder, "report.html")];
  writeFileSync(json, `${JSON.stringify(report, null, 1)}\n`);
  writeFileSync(html, htmlReport(report));
  return [json, html];
}
