/**
 * `holdfast tune`: what a machine is set to for so many connections, and the files that say it.
 *
 * Owns flags and what is printed. The lines are those of packages/platform. Invariant: without `--apply`
 * nothing is written; with it the difference is shown first.
 */
import { type TuningFile, tuningFor, tuningText } from "@holdfast/platform";
import { Command, Option } from "commander";
import { parseDuration } from "../config/values/duration.js";
import { Failure } from "../failure.js";
import type { Machine } from "../machine/machine.js";
import type { Terminal } from "../terminal.js";
import { lineDiff } from "../tune/line-diff.js";
import { isChanged, readTuned, type TunedFile, writeTuned } from "../tune/tuned-files.js";
import { numberOption } from "./number-option.js";

interface TuneOptions {
  readonly connections: number;
  readonly workers?: number;
  readonly drainDelay?: string;
  readonly drainWindow?: string;
  readonly apply?: boolean;
  readonly root: string;
  readonly json?: boolean;
}

const MAX_CONNECTIONS = 10_000_000;
const IN_FORCE = "sysctl --system && systemctl daemon-reload && systemctl restart holdfast";

export function tuneCommand(terminal: Terminal, readMachine: () => Machine): Command {
  return new Command("tune")
    .summary("print or write kernel settings and limits")
    .description(
      "Print the kernel settings, limits and systemd drop-in for a number of connections, each line with its reason, or write them.",
    )
    .addOption(
      numberOption(
        "--connections <number>",
        "connections that this machine is to hold",
        MAX_CONNECTIONS,
      ).makeOptionMandatory(),
    )
    .addOption(numberOption("--workers <number>", "of the gateway (default: one per CPU)", 256))
    .addOption(
      new Option("--drain-delay <duration>", "the setting drainDelay (default: for two health checks)"),
    )
    .addOption(
      new Option("--drain-window <duration>", "the setting drainWindow (default: by the connections)"),
    )
    .addOption(new Option("--apply", "show what changes, back up, write"))
    .addOption(new Option("--root <folder>", "write below this folder").default("/"))
    .addOption(new Option("--json", "as JSON"))
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast tune --connections 200000
  $ sudo holdfast tune --connections 200000 --apply`,
    )
    .action(async (options: TuneOptions) => {
      const files = filesOf(options, options.workers ?? readMachine().cpus);
      const { connections, apply = false, json = false, root } = options;
      const title = `For ${connections} connections. Written by \`holdfast tune\`; a later run replaces it.`;
      if (apply) return applyFiles(files, title, root, json, terminal);
      await terminal.out(json ? JSON.stringify({ connections, files }, null, 2) : printed(files, title));
    });
}

function filesOf(options: TuneOptions, workers: number): TuningFile[] {
  const delay = secondsOf("--drain-delay", options.drainDelay);
  const window = secondsOf("--drain-window", options.drainWindow);
  try {
    return tuningFor({
      connections: options.connections,
      workers,
      ...(delay === undefined ? {} : { drainDelaySeconds: delay }),
      ...(window === undefined ? {} : { drainWindowSeconds: window }),
    });
  } catch (error) {
    if (error instanceof RangeError) throw new Failure(error.message, 2);
    throw error;
  }
}

function secondsOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms !== undefined) return Math.ceil(ms / 1000);
  throw new Failure(`${flag} must be a duration such as 30s or 2m, not ${JSON.stringify(text)}`, 2);
}

function printed(files: readonly TuningFile[], title: string): string {
  return files.map((file) => `# ${file.path}\n${tuningText(file, title)}`).join("\n");
}

async function applyFiles(
  files: readonly TuningFile[],
  title: string,
  root: string,
  json: boolean,
  terminal: Terminal,
): Promise<void> {
  const all = files.map((file) => readTuned(root, file.path, tuningText(file, title)));
  const changed = all.filter(isChanged);
  if (!json) for (const file of all) await terminal.out(difference(file));
  const backups = writeTuned(changed);
  if (json) {
    const written = changed.map(({ path }, n) => ({ path, backup: backups[n] ?? null }));
    const unchanged = all.filter((file) => !isChanged(file)).map(({ path }) => path);
    return terminal.out(JSON.stringify({ written, unchanged }, null, 2));
  }
  for (const [n, { path }] of changed.entries()) {
    const backup = backups[n];
    await terminal.out(`wrote ${path}${backup === undefined ? "" : `; what was there is in ${backup}`}`);
  }
  if (changed.length > 0) await terminal.out(`To put it in force, which ends open connections: ${IN_FORCE}`);
}

/** The lines that go and come; comments go along. */
function difference(file: TunedFile): string {
  if (!isChanged(file)) return `${file.path}: unchanged`;
  const lines = lineDiff(file.before ?? "", file.after)
    .filter(({ kind }) => kind !== "same")
    .map(({ kind, line }) => `${kind === "gone" ? "-" : "+"}${line}`);
  return [`--- ${file.before === undefined ? "/dev/null" : file.path}`, `+++ ${file.path}`, ...lines].join(
    "\n",
  );
}
