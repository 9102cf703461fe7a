/**
 * `holdfast swarm agent`: a load machine that waits for a controller.
 *
 * Invariant: it connects nowhere by itself, and ends its agent processes with itself.
 */
import { AgentHost, DEFAULT_AGENT_PORT, hostText, parseHostAddress } from "@holdfast/swarm";
import { Command, Option } from "commander";
import type { Terminal } from "../terminal.js";
import { addKeyOptions, asFailure, type KeyOptions, keyOf, orFailure } from "./swarm-hosts.js";

interface AgentOptions extends KeyOptions {
  readonly listen: string;
}

const HELP = `
Start one on each load machine, then \`holdfast swarm run --agents host1,host2,…\`
anywhere, with the same key and the same version of Holdfast. The link is
encrypted with the key. An agent takes part in one run at a time, and stays.

Examples:
  $ HOLDFAST_SWARM_KEY=$KEY holdfast swarm agent
  $ holdfast swarm agent --listen 10.0.0.5:9190 --key-file swarm.key`;

export function swarmAgentCommand(terminal: Terminal, version: string): Command {
  const command = new Command("agent")
    .summary("be a load machine of a run")
    .description("Wait for a controller, and open the connections that it asks for.")
    .addOption(
      new Option("--listen <address>", "where to listen for the controller").default(
        `0.0.0.0:${DEFAULT_AGENT_PORT}`,
      ),
    );
  return addKeyOptions(command)
    .addHelpText("after", HELP)
    .action(async (options: AgentOptions) => {
      const key = keyOf(options, terminal);
      const listen = orFailure(() => parseHostAddress(options.listen, "--listen", 0));
      const log = (line: string): void => terminal.err(line);
      const host = await AgentHost.listen({ listen, key, version, log }).catch((error: unknown) => {
        throw asFailure(error);
      });
      const signal = terminal.interrupted();
      await terminal.out(
        `agent of version ${version} on ${hostText(host.address)}, waiting for a controller`,
      );
      if (!signal.aborted) {
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      }
      await host.close();
    });
}
