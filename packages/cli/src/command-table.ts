/**
 * The commands of `holdfast`, in the order of its help, each with the module that makes it.
 *
 * Invariant: a command line loads the modules of its own command only; the modules of all commands take ten
 * times as long to load as that of `version`. Help, completion and a word that is no command need them all.
 */
import { Command } from "commander";
import type { Machine } from "./machine/machine.js";
import type { Terminal } from "./terminal.js";

export interface CommandParts {
  readonly terminal: Terminal;
  /** Of the program. */
  readonly version: string;
  readonly machine: () => Machine;
}

/** `root`: the command that has them all, when it is complete. */
type Parts = CommandParts & { readonly root: Command };

const COMMANDS: Readonly<Record<string, (parts: Parts) => Promise<Command>>> = {
  start: async ({ terminal, version, machine }) =>
    (await import("./commands/start.js")).startCommand(terminal, version, machine),
  publish: async ({ terminal }) => (await import("./commands/publish.js")).publishCommand(terminal),
  broadcast: async ({ terminal }) => (await import("./commands/broadcast.js")).broadcastCommand(terminal),
  listen: async ({ terminal }) => (await import("./commands/listen.js")).listenCommand(terminal),
  disconnect: async ({ terminal }) => (await import("./commands/disconnect.js")).disconnectCommand(terminal),
  status: async ({ terminal }) => (await import("./commands/status.js")).statusCommand(terminal),
  top: async ({ terminal }) => (await import("./commands/top.js")).topCommand(terminal),
  connections: async ({ terminal }) =>
    (await import("./commands/connections.js")).connectionsCommand(terminal),
  connection: async ({ terminal }) => (await import("./commands/connection.js")).connectionCommand(terminal),
  why: async ({ terminal }) => (await import("./commands/why.js")).whyCommand(terminal),
  incidents: async ({ terminal }) => (await import("./commands/incidents.js")).incidentsCommand(terminal),
  channels: async ({ terminal }) => (await import("./commands/channels.js")).channelsCommand(terminal),
  presence: async ({ terminal }) => (await import("./commands/presence.js")).presenceCommand(terminal),
  history: async ({ terminal }) => (await import("./commands/history.js")).historyCommand(terminal),
  drain: async ({ terminal }) => (await import("./commands/drain.js")).drainCommand(terminal),
  reload: async ({ terminal }) => (await import("./commands/reload.js")).reloadCommand(terminal),
  rebalance: async ({ terminal }) => (await import("./commands/rebalance.js")).rebalanceCommand(terminal),
  token: async ({ terminal, machine }) =>
    (await import("./commands/token.js")).tokenCommand(terminal, machine),
  doctor: async ({ terminal, machine }) =>
    (await import("./commands/doctor.js")).doctorCommand(terminal, machine),
  plan: async ({ terminal }) => (await import("./commands/plan.js")).planCommand(terminal),
  swarm: async ({ terminal, version }) =>
    (await import("./commands/swarm.js")).swarmCommand(terminal, version),
  tune: async ({ terminal, machine }) => (await import("./commands/tune.js")).tuneCommand(terminal, machine),
  aws: async ({ terminal }) => (await import("./commands/aws-agent.js")).awsCommand(terminal),
  config: async ({ terminal, machine }) => {
    const { configPrintCommand } = await import("./commands/config-print.js");
    const { configCheckCommand } = await import("./commands/config-check.js");
    return new Command("config")
      .description("Show or check the settings.")
      .summary("show or check the settings")
      .addCommand(configPrintCommand(terminal, machine))
      .addCommand(configCheckCommand(terminal, machine));
  },
  version: async ({ terminal, version }) =>
    (await import("./commands/version.js")).versionCommand(terminal, version),
  completion: async ({ terminal, root }) =>
    (await import("./commands/completion.js")).completionCommand(terminal, () => root),
};

/** The commands that a command line (without node and script) needs. */
export async function loadCommands(args: readonly string[], parts: Parts): Promise<readonly Command[]> {
  const commands: Command[] = [];
  // One after another: they share most of their modules, and nothing is read from disk twice.
  for (const name of namesFor(args)) {
    const command = await COMMANDS[name]?.(parts);
    if (command !== undefined) commands.push(command);
  }
  return commands;
}

function namesFor([first = ""]: readonly string[]): readonly string[] {
  if (first === "--version" || first === "-V") return [];
  return first !== "completion" && Object.hasOwn(COMMANDS, first) ? [first] : Object.keys(COMMANDS);
}
