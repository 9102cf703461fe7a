/**
 * The program `holdfast`: its commands, and how it ends.
 *
 * Invariant: what a person can act on is printed as one message without a stack trace; a bug of ours keeps
 * its stack.
 */
import { Command, CommanderError } from "commander";
import { awsCommand } from "./commands/aws-agent.js";
import { broadcastCommand } from "./commands/broadcast.js";
import { channelsCommand } from "./commands/channels.js";
import { completionCommand } from "./commands/completion.js";
import { configCheckCommand } from "./commands/config-check.js";
import { configPrintCommand } from "./commands/config-print.js";
import { disconnectCommand } from "./commands/disconnect.js";
import { drainCommand } from "./commands/drain.js";
import { historyCommand } from "./commands/history.js";
import { listenCommand } from "./commands/listen.js";
import { presenceCommand } from "./commands/presence.js";
import { publishCommand } from "./commands/publish.js";
import { startCommand } from "./commands/start.js";
import { swarmCommand } from "./commands/swarm.js";
import { tokenCommand } from "./commands/token.js";
import { versionCommand } from "./commands/version.js";
import { Failure } from "./failure.js";
import { asCalled } from "./invocation.js";
import { type Machine, readMachine } from "./machine/machine.js";
import { formatHelpOf, helpWidth } from "./output/help-format.js";
import { usageError } from "./process/usage-error.js";
import type { Terminal } from "./terminal.js";

export interface ProgramOptions {
  readonly version: string;
  readonly readMachine?: () => Machine;
}

/** Runs one command line (without node and script) to its exit code. */
export async function runProgram(
  args: readonly string[],
  terminal: Terminal,
  { version, readMachine: machine = readMachine }: ProgramOptions,
): Promise<number> {
  try {
    await program(terminal, version, machine).parseAsync([...args], { from: "user" });
    return 0;
  } catch (error) {
    // Commander has printed its message; 0 is that of --help and --version.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof Failure) {
      terminal.err(`holdfast: ${asCalled(error.message, terminal.program)}`);
      return error.exitCode;
    }
    throw error;
  }
}

function program(terminal: Terminal, version: string, machine: () => Machine): Command {
  const config = new Command("config")
    .description("Show or check the settings.")
    .summary("show or check the settings");
  config.addCommand(configPrintCommand(terminal, machine)).addCommand(configCheckCommand(terminal, machine));
  const root: Command = new Command("holdfast")
    .description("A clustered WebSocket gateway.")
    .version(version, "-V, --version", "print the version")
    .addCommand(startCommand(terminal, version, machine))
    .addCommand(publishCommand(terminal))
    .addCommand(broadcastCommand(terminal))
    .addCommand(listenCommand(terminal))
    .addCommand(disconnectCommand(terminal))
    .addCommand(channelsCommand(terminal))
    .addCommand(presenceCommand(terminal))
    .addCommand(historyCommand(terminal))
    .addCommand(drainCommand(terminal))
    .addCommand(tokenCommand(terminal, machine))
    .addCommand(swarmCommand(terminal))
    .addCommand(awsCommand(terminal))
    .addCommand(config)
    .addCommand(versionCommand(terminal, version))
    .addCommand(completionCommand(terminal, () => root))
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast start
  $ holdfast listen news
  $ holdfast publish news '{"hello":1}'
Each command explains itself: holdfast start --help`,
    );
  prepare(root, terminal);
  return root;
}

/** The same manners for every command: errors thrown instead of exits, output to the terminal. */
function prepare(command: Command, terminal: Terminal): void {
  formatHelpOf(command);
  command
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureOutput({
      getOutHelpWidth: () => helpWidth(terminal.columns),
      getErrHelpWidth: () => helpWidth(terminal.columns),
      writeOut: (text) => void terminal.out(asCalled(text, terminal.program).replace(/\n$/, "")),
      writeErr: (text) => terminal.err(text.replace(/\n$/, "")),
      outputError: (text, write) =>
        write(`holdfast: ${asCalled(usageError(command, text), terminal.program)}`),
    });
  for (const each of command.commands) prepare(each, terminal);
}
