/**
 * `holdfast config print`: the effective settings, each with where it comes from.
 */
import { Command, Option } from "commander";
import { addSettingFlags, loadFromCommand } from "../config/flags.js";
import { printFile, printJson, printTable } from "../config/print.js";
import type { Machine } from "../machine/machine.js";
import type { Terminal } from "../terminal.js";

export function configPrintCommand(terminal: Terminal, readMachine: () => Machine): Command {
  const command = new Command("print")
    .summary("show the effective settings")
    .description("Show every setting's effective value and where it comes from. Secrets are masked.")
    .addOption(new Option("--json", "as JSON").conflicts("fileFormat"))
    .option("--file-format", "as a holdfast.json that gives the same settings; leaves secrets out")
    .option("--show-secrets", "with --file-format: include the secrets");
  return addSettingFlags(command, "named")
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast config print
  $ HOLDFAST_WORKERS=2 holdfast config print --port 8080-8083
  $ holdfast config print --file-format --workers 4 > holdfast.json`,
    )
    .action(async (options: Readonly<Record<string, unknown>>) => {
      const machine = readMachine();
      const loaded = loadFromCommand(options, terminal, machine);
      if (options.fileFormat !== true) {
        return terminal.out(options.json === true ? printJson(loaded, machine) : printTable(loaded, machine));
      }
      const { text, leftOut } = printFile(loaded, { showSecrets: options.showSecrets === true });
      await terminal.out(text);
      if (leftOut.length > 0) {
        terminal.err(
          `left out, because they hold secrets: ${leftOut.join(", ")} (--show-secrets includes them)`,
        );
      }
    });
}
