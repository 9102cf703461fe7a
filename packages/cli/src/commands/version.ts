/**
 * `holdfast version`: what runs here, for a report of a problem.
 */
import { Command } from "commander";
import type { Terminal } from "../terminal.js";

export function versionCommand(terminal: Terminal, version: string): Command {
  return new Command("version")
    .summary("print the version")
    .description("Print the versions of this program and of Node.js, and the platform.")
    .option("--json", "as JSON")
    .addHelpText("after", "\nExamples:\n  $ holdfast version --json")
    .action(async ({ json = false }: { readonly json?: boolean }) => {
      const facts = {
        holdfast: version,
        node: process.versions.node,
        platform: `${process.platform}-${process.arch}`,
      };
      await terminal.out(
        json ? JSON.stringify(facts) : `holdfast ${version} (Node.js ${facts.node}, ${facts.platform})`,
      );
    });
}
