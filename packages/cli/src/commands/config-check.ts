/**
 * `holdfast config check [file]`: everything that is wrong, without starting anything.
 */
import { Command } from "commander";
import { warnings } from "../config/cross-checks.js";
import { addSettingFlags, loadFromCommand } from "../config/flags.js";
import type { Loaded } from "../config/load.js";
import { ConfigProblems } from "../config/problem.js";
import { linkWarnings } from "../config/service-links.js";
import type { Machine } from "../machine/machine.js";
import type { Terminal } from "../terminal.js";

export function configCheckCommand(terminal: Terminal, readMachine: () => Machine): Command {
  const command = new Command("check")
    .summary("say everything that is wrong with a configuration")
    .description(
      "Check a file together with the environment and flags, as `holdfast start` would. Exit code 2 when something is wrong.",
    )
    .argument("[file]", "settings file, as with --config")
    .option("--json", "as JSON: an object with the problems and the warnings");
  return addSettingFlags(command, "named")
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast config check
  $ holdfast config check deploy/holdfast.json`,
    )
    .action(async (file: string | undefined, options: Readonly<Record<string, unknown>>) => {
      const machine = readMachine();
      const named = file === undefined ? options : { ...options, config: file };
      if (named.json === true) return checkAsJson(named, terminal, machine);
      const loaded = loadFromCommand(named, terminal, machine);
      for (const warning of warningsOf(loaded, machine)) terminal.err(`warning: ${warning}`);
      await terminal.out(
        `the configuration is right (${loaded.file?.path ?? "no file"}, environment, flags)`,
      );
    });
}

/** Ends as without `--json`: what is wrong is on standard error, too. */
async function checkAsJson(
  options: Readonly<Record<string, unknown>>,
  terminal: Terminal,
  machine: Machine,
): Promise<void> {
  try {
    const loaded = loadFromCommand(options, terminal, machine);
    await terminal.out(JSON.stringify({ problems: [], warnings: warningsOf(loaded, machine) }));
  } catch (error) {
    if (error instanceof ConfigProblems) {
      await terminal.out(JSON.stringify({ problems: error.problems, warnings: [] }));
    }
    throw error;
  }
}

function warningsOf({ serviceLinks, settings }: Loaded, machine: Machine): readonly string[] {
  return [...linkWarnings(serviceLinks), ...warnings(settings, machine)];
}
