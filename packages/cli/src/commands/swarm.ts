/**
 * `holdfast swarm`: loads a gateway from this machine, or from many with one controller.
 */
import { Command } from "commander";
import type { Terminal } from "../terminal.js";
import { swarmAgentCommand } from "./swarm-agent.js";
import { swarmSetCommand, swarmStatusCommand, swarmStopCommand } from "./swarm-orders.js";
import { swarmRunCommand } from "./swarm-run.js";

export function swarmCommand(terminal: Terminal, version: string): Command {
  return new Command("swarm")
    .summary("load a gateway")
    .description("Load a gateway, from this machine or from many.")
    .addCommand(swarmRunCommand(terminal, version))
    .addCommand(swarmAgentCommand(terminal, version))
    .addCommand(swarmStatusCommand(terminal, version))
    .addCommand(swarmSetCommand(terminal, version))
    .addCommand(swarmStopCommand(terminal, version));
}
