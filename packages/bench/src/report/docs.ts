/**
 * The generated part of docs/performance.md: between two marker comments, one section for each scenario.
 *
 * Invariants: a section is of one result, whose commit, command and machine it names; a section of a scenario
 * that the result does not have stays as it is, so the bench can be run in parts.
 */
import type { BenchResult, ScenarioInfo } from "../result.js";
import { judge } from "../targets.js";
import { failuresOf } from "./failures.js";
import { markdownTable, tableOf } from "./table.js";
import { verdictTable } from "./verdicts.js";

const BEGIN = "<!-- figures: written by `npm run bench -- --write-docs <json>`; do not edit -->";
const END = "<!-- /figures -->";
/** Of prose, as in all docs. */
const COLUMNS = 110;

/**
 * `page` with the sections of the result's scenarios replaced or added. `charts`: their paths as the page
 * names them. `order`: names of scenarios, in which the sections stand; those that it lacks are dropped.
 * Throws where the page lacks its markers, and for a result of small sizes.
 */
export function withFigures(
  page: string,
  result: BenchResult,
  charts: readonly string[],
  order: readonly string[],
): string {
  if (result.quick) throw new Error("a quick result says nothing about speed: the docs take none");
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin === -1 || end < begin)
    throw new Error(`docs/performance.md lacks its markers: ${BEGIN} … ${END}`);
  const sections = sectionsOf(page.slice(begin + BEGIN.length, end));
  for (const scenario of result.scenarios)
    sections.set(scenario.name, sectionOf(only(result, scenario), scenario, charts));
  const block = order.flatMap((name) => sections.get(name) ?? []).join("\n\n");
  return `${page.slice(0, begin + BEGIN.length)}\n\n${block}\n\n${page.slice(end)}`;
}

/** By scenario. */
function sectionsOf(block: string): Map<string, string> {
  const sections = new Map<string, string>();
  for (const text of block.split(/^(?=### )/m)) {
    const name = /^### .*\((\S+)\)\n/.exec(text)?.[1];
    if (name !== undefined) sections.set(name, text.trim());
  }
  return sections;
}

function only(result: BenchResult, scenario: ScenarioInfo): BenchResult {
  const isIts = (each: { readonly scenario: string }): boolean => each.scenario === scenario.name;
  return {
    ...result,
    scenarios: [scenario],
    measurements: result.measurements.filter(isIts),
    missing: result.missing.filter(isIts),
  };
}

/** `result`: of this scenario alone. */
function sectionOf(result: BenchResult, scenario: ScenarioInfo, charts: readonly string[]): string {
  const table = tableOf(result, scenario);
  const parts = [`### ${table.title}`, source(result)];
  const verdicts = judge(result);
  if (verdicts.length > 0) parts.push(markdownTable(verdictTable(verdicts)));
  if (table.rows.length > 0) parts.push(markdownTable(table));
  for (const path of charts)
    if (path.includes(`bench-${scenario.name}-`)) parts.push(`![${scenario.name}](${path})`);
  const failed = failuresOf(result);
  if (failed.length > 0) parts.push(list("Failures by reason", failed));
  if (result.missing.length > 0) parts.push(list("Missing", missing(result)));
  parts.push(conditions(result));
  return parts.join("\n\n");
}

function list(title: string, lines: readonly string[]): string {
  return `${title}:\n\n${lines.map((line) => `- ${line}`).join("\n")}`;
}

function source({ command, machine, measurements, startedAt }: BenchResult): string {
  const runs = new Set(measurements.map(({ run }) => run)).size;
  return wrapped(
    `Measured ${startedAt.slice(0, 10)} by \`${command}\`, ${runs} ${runs === 1 ? "run" : "runs"}, commit ${machine.commit}.`,
  );
}

/** The machine, and one line for each peer and case of the first run: what was typed. */
function conditions(result: BenchResult): string {
  const { machine, loadClients } = result;
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  const settings = Object.entries(machine.settings).map(([name, value]) => `\`${name}\` ${value}`);
  const text = wrapped(
    [
      `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel};`,
      `${machine.openFiles.toLocaleString("en-US")} open files per process; ${settings.join(", ")}.`,
      `Versions: ${versions.join(", ")}. Load clients: ${loadClients.join(", ")}. Load average at the start: ${machine.load}.`,
    ].join(" "),
  );
  const lines = result.measurements
    .filter(({ run }) => run === 1)
    .map((each) => `# ${each.case}, ${each.peer}\n${each.commands.map(withoutHome).join("\n")}`);
  return `<details><summary>Machine and commands</summary>\n\n${text}\n\n\`\`\`sh\n${lines.join("\n")}\n\`\`\`\n\n</details>`;
}

/** In lines of at most `COLUMNS`, unless one word is longer. */
function wrapped(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > COLUMNS) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join("\n");
}

function missing({ missing, peers }: BenchResult): string[] {
  return missing.map(({ peer, reason }) => `${peers[peer] ?? peer}: ${reason.split("\n")[0]}`);
}

/** Without the paths of the machine that it ran on. */
function withoutHome(command: string): string {
  return command.replaceAll(/(?:\/[\w.@+-]+)+\/(?=[\w.@+-]+)/g, (path) =>
    path.includes("/packages/") ? path.slice(path.indexOf("/packages/") + 1) : "",
  );
}
