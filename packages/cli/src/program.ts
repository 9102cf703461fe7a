/**
 * The program `holdfast`: its commands, and how it ends.
 *
 * Invariant: what a person can act on is printed as one message without a stack trace; a bug of ours keeps
 * its stack.
 */
import { Command, CommanderError } from "commander";
import { type CommandParts, loadCommands } from "./command-table.js";
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
    const root = await program(args, { terminal, version, machine });
    await root.parseAsync([...args], { from: "user" });
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

async function program(args: readonly string[], parts: CommandParts): Promise<Command> {
  const root = new Command("holdfast")
    .description("A clustered WebSocket gateway.")
    .version(parts.version, "-V, --version", "print the version");
  for (const command of await loadCommands(args, { ...parts, root })) root.addCommand(command);
  root.addHelpText(
    "after",
    `
Examples:
  $ holdfast start
  $ holdfast listen news
  $ holdfast publish news '{"hello":1}'
Each command explains itself: holdfast start --help`,
  );
  prepare(root, parts.terminal);
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
