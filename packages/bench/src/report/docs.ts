/**
 * The generated part of docs/performance.md: everything between two marker comments comes from one JSON
 * result.
 */
import type { BenchResult } from "../result.js";
import { judge } from "../targets.js";
import { failuresOf } from "./failures.js";
import { markdownTable, type Table, tablesOf } from "./table.js";
import { verdictTable } from "./verdicts.js";

const BEGIN = "<!-- figures: written by `npm run bench -- --write-docs <json>`; do not edit -->";
const END = "<!-- /figures -->";
/** Of prose, as in all docs. */
const COLUMNS = 110;

/** `page` with the block between its markers replaced. `charts`: their paths as the page names them. */
export function withFigures(page: string, result: BenchResult, charts: readonly string[]): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin === -1 || end < begin)
    throw new Error(`docs/performance.md lacks its markers: ${BEGIN} … ${END}`);
  const block = figures(result, charts);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${block}\n\n${page.slice(end)}`;
}

function figures(result: BenchResult, charts: readonly string[]): string {
  const parts = [conditions(result), section(verdictTable(judge(result)))];
  for (const table of tablesOf(result)) {
    const name = /\((\S+)\)$/.exec(table.title)?.[1] ?? "";
    const own = charts.filter((path) => path.includes(`bench-${name}-`)).map((path) => `![${name}](${path})`);
    parts.push([section(table), ...own].join("\n\n"));
  }
  const failed = failuresOf(result);
  if (failed.length > 0)
    parts.push(`### Failures by reason\n\n${failed.map((line) => `- ${line}`).join("\n")}`);
  if (result.missing.length > 0) parts.push(`### Missing\n\n${missing(result)}`);
  parts.push(`### How it was run\n\n${commands(result)}`);
  return parts.join("\n\n");
}

function section(table: Table): string {
  return `### ${table.title}\n\n${markdownTable(table)}`;
}

function conditions({ machine, startedAt, loadClients, command, seconds }: BenchResult): string {
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  const settings = Object.entries(machine.settings).map(([name, value]) => `\`${name}\` ${value}`);
  return wrapped(
    [
      `Measured ${startedAt.slice(0, 10)} in ${Math.round(seconds / 60)} minutes by \`${command}\`, commit ${machine.commit}.`,
      `Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel};`,
      `${machine.openFiles.toLocaleString("en-US")} open files per process; ${settings.join(", ")}.`,
      `Versions: ${versions.join(", ")}. Load clients: ${loadClients.join(", ")}. Load average at the start: ${machine.load}.`,
    ].join(" "),
  );
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

function missing(result: BenchResult): string {
  return result.missing
    .map(
      ({ scenario, peer, reason }) =>
        `- ${scenario}, ${result.peers[peer] ?? peer}: ${reason.split("\n")[0]}`,
    )
    .join("\n");
}

/** One line for each peer and case of the first run: what was typed, without ports and temporary files. */
function commands(result: BenchResult): string {
  const lines = result.measurements
    .filter(({ run }) => run === 1)
    .map(
      (each) =>
        `# ${each.scenario}, ${each.case}, ${each.peer}\n${each.commands.map(withoutHome).join("\n")}`,
    );
  return `<details><summary>Commands</summary>\n\n\`\`\`sh\n${lines.join("\n")}\n\`\`\`\n\n</details>`;
}

function withoutHome(command: string): string {
  return command.replaceAll(/(?:\/[\w.@+-]+)+\/(?=[\w.@+-]+)/g, (path) =>
    path.includes("/packages/") ? path.slice(path.indexOf("/packages/") + 1) : "",
  );
}
