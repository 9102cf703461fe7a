/**
 * `holdfast swarm status`, `set n`, `set target`, `stop`: orders for a run over many machines, given at any
 * of its hosts.
 *
 * Invariant: an order is given to one host, which passes it to the controller; a status is asked of each.
 */
import {
  askHost,
  type HostAddress,
  type HostStatus,
  hostText,
  MAX_CONNECTIONS,
  type OrderAnswer,
  type Pass,
  type RunOrder,
} from "@holdfast/swarm";
import { Command, Option } from "commander";
import { Failure } from "../failure.js";
import { progressText } from "../output/progress-line.js";
import type { Terminal } from "../terminal.js";
import { wholeNumber } from "./number-option.js";
import { addHostOptions, asFailure, type HostOptions, hostsOf, keyOf } from "./swarm-hosts.js";

interface Asked {
  readonly hosts: readonly HostAddress[];
  readonly pass: Pass;
}

interface StatusOptions extends HostOptions {
  readonly json?: boolean;
}

export function swarmStatusCommand(terminal: Terminal, version: string): Command {
  const command = new Command("status")
    .summary("what the agents do")
    .description("Say of each load machine whether it is there, and how its run goes.")
    .addOption(new Option("--json", "print one JSON document"));
  return addHostOptions(command).action(async (options: StatusOptions) => {
    const { hosts, pass } = askedOf(options, terminal, version);
    const answers = await Promise.allSettled(hosts.map((host) => askHost(host, pass, { order: "status" })));
    const problems = answers.flatMap((answer) =>
      answer.status === "rejected" ? [String((answer.reason as Error).message)] : [],
    );
    if (options.json === true) {
      const all = answers.map((answer, index) => ({
        address: hostText(hosts[index] ?? { host: "", port: 0 }),
        ...(answer.status === "fulfilled" ? answer.value : { problem: (answer.reason as Error).message }),
      }));
      await terminal.out(JSON.stringify(all, undefined, 2));
    } else {
      for (const [index, answer] of answers.entries()) {
        const address = hosts[index];
        if (answer.status !== "fulfilled" || address === undefined) continue;
        for (const line of statusLines(address, answer.value as HostStatus)) await terminal.out(line);
      }
    }
    if (problems.length > 0) throw new Failure(problems.join("; "));
  });
}

export function swarmSetCommand(terminal: Terminal, version: string): Command {
  const n = new Command("n")
    .summary("how many connections there are")
    .description("Let a run have so many connections, all together: opens more, or closes some.")
    .argument("<connections>", "all together", (text) => wholeNumber(text, MAX_CONNECTIONS));
  addHostOptions(n).action((connections: number, options: HostOptions) =>
    order({ order: "set-n", connections }, options, terminal, version),
  );
  const target = new Command("target")
    .summary("which gateway they go to")
    .description("Close all connections of a run, and open as many to another gateway.")
    .argument("<url>", "as of `holdfast swarm run --url`");
  addHostOptions(target).action((url: string, options: HostOptions) =>
    order({ order: "set-target", target: url }, options, terminal, version),
  );
  return new Command("set")
    .summary("change a run that is under way")
    .description("Change a run that is under way.")
    .addCommand(n)
    .addCommand(target);
}

export function swarmStopCommand(terminal: Terminal, version: string): Command {
  const command = new Command("stop")
    .summary("end a run, with its report")
    .description("End a run as at the end of its time: its controller writes the report.");
  return addHostOptions(command).action((options: HostOptions) =>
    order({ order: "stop" }, options, terminal, version),
  );
}

function askedOf(options: HostOptions, terminal: Terminal, version: string): Asked {
  const hosts = hostsOf(options.agents, options.agentsFile, terminal);
  if (hosts === undefined) throw new Failure("name the load machines with --agents or --agents-file", 2);
  return { hosts, pass: { key: keyOf(options, terminal), version } };
}

async function order(
  what: RunOrder,
  options: HostOptions,
  terminal: Terminal,
  version: string,
): Promise<void> {
  const { hosts, pass } = askedOf(options, terminal, version);
  const [first] = hosts;
  if (first === undefined) return;
  let answer: HostStatus | OrderAnswer;
  try {
    answer = await askHost(first, pass, what);
  } catch (error) {
    throw asFailure(error);
  }
  if (answer.is !== "answer") throw new Failure(`the agent at ${hostText(first)} gave no answer`);
  if (!answer.ok) throw new Failure(answer.text);
  await terminal.out(answer.text);
}

/** `10.0.0.5:9190   in a run, 2 agents, version 0.1.0, Node.js v22.1.0, 8 cores`, and how the run goes. */
function statusLines(address: HostAddress, { run, agents, facts, progress }: HostStatus): string[] {
  const state = run === undefined ? "waits" : `in run ${run}, ${agents} agents`;
  const machine = `version ${facts.version}, Node.js ${facts.node}, ${facts.cores} cores`;
  const lines = [`${hostText(address).padEnd(24)} ${state}; ${machine}`];
  if (progress !== undefined) lines.push(`${"".padEnd(24)} ${progressText(progress)}`);
  return lines;
}
