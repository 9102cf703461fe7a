/**
 * `holdfast aws agent`: the agent of an EC2 instance, beside the gateway. `holdfast aws task`: the one in an
 * ECS task.
 *
 * The package @holdfast/aws is loaded only here: a machine that is not on AWS does not need it.
 */
import type { AgentLog, RunOptions, RunTaskOptions } from "@holdfast/aws";
import { Command, InvalidArgumentError, Option } from "commander";
import { parseDuration } from "../config/values/duration.js";
import { Failure } from "../failure.js";
import type { Terminal } from "../terminal.js";
import { type AdminDestination, addAdminOptions, adminKeyOf, adminUrlOf } from "./destination.js";

interface AgentOptions extends AdminDestination {
  readonly group: string;
  readonly hook: string;
  readonly heartbeat: number;
  readonly poll: number;
  readonly onRebalance: RunOptions["onRebalance"];
  readonly metrics: RunOptions["metrics"];
}

interface TaskOptions extends AdminDestination {
  readonly group: string;
  readonly poll: number;
  readonly metrics: RunTaskOptions["metrics"];
}

export function awsCommand(terminal: Terminal): Command {
  return new Command("aws")
    .summary("run beside a gateway on EC2 or ECS")
    .description("What a gateway on AWS needs beside it; the rest is in deploy/aws.")
    .addCommand(awsAgentCommand(terminal))
    .addCommand(awsTaskCommand(terminal));
}

function awsAgentCommand(terminal: Terminal): Command {
  const command = new Command("agent")
    .summary("drain before EC2 ends the instance, and report its load")
    .description(
      "Watch the metadata of this EC2 instance. When Auto Scaling terminates it or EC2 takes it back, drain the gateway, prolong the lifecycle hook meanwhile, and complete it when no client is left. Report connections, loop delay and network allowances to CloudWatch each minute.",
    )
    .requiredOption("--group <name>", "the Auto Scaling group")
    .option("--hook <name>", "its lifecycle hook on EC2_INSTANCE_TERMINATING", "holdfast-drain")
    .addOption(duration("--heartbeat <time>", "between two heartbeats: a third of the hook's timeout", "40s"))
    .addOption(duration("--poll <time>", "between two looks at the instance metadata", "2s"))
    .addOption(
      new Option("--on-rebalance <what>", "what a rebalance recommendation does")
        .choices(["log", "drain"])
        .default("log"),
    )
    .addOption(
      new Option("--metrics <where>", "where the load is reported; emf: as lines on standard output")
        .choices(["cloudwatch", "emf", "off"])
        .default("cloudwatch"),
    );
  return addAdminOptions(command)
    .addHelpText("after", "\nExamples:\n  $ holdfast aws agent --group gateways --heartbeat 60s")
    .action(async ({ heartbeat, poll, ...options }: AgentOptions) => {
      const { runAgent } = await load();
      await runAgent({
        ...options,
        url: httpUrl(adminUrlOf(options)),
        adminKey: adminKeyOf(options, terminal),
        heartbeatMs: heartbeat,
        pollMs: poll,
        log: logOf(terminal),
        writeLine: (line) => void terminal.out(line),
        signal: terminal.interrupted(),
      });
    });
}

function awsTaskCommand(terminal: Terminal): Command {
  const command = new Command("task")
    .summary("protect an ECS task while its gateway drains, and report its load")
    .description(
      "Run in a container of the same ECS task as the gateway. While the gateway drains, protect the task from scale-in and deployments, for two minutes at a time. Report connections and loop delay each minute, as lines of the embedded metric format that the log driver takes to CloudWatch.",
    )
    .requiredOption("--group <name>", "the name of the service, under which the load is reported")
    .addOption(duration("--poll <time>", "between two looks at the gateway", "2s"))
    .addOption(
      new Option("--metrics <where>", "where the load is reported; emf: as lines on standard output")
        .choices(["emf", "off"])
        .default("emf"),
    );
  return addAdminOptions(command)
    .addHelpText("after", "\nExamples:\n  $ holdfast aws task --group gateways")
    .action(async ({ poll, ...options }: TaskOptions) => {
      const { runTask } = await load();
      await runTask({
        ...options,
        url: httpUrl(adminUrlOf(options)),
        adminKey: adminKeyOf(options, terminal),
        pollMs: poll,
        agentUri: agentUriOf(terminal),
        log: logOf(terminal),
        writeLine: (line) => void terminal.out(line),
        signal: terminal.interrupted(),
      });
    });
}

/** Of the endpoint that ECS gives to each container; undefined outside of ECS. */
function agentUriOf({ env }: Terminal): string | undefined {
  const uri = env.ECS_AGENT_URI;
  if (uri === undefined || uri === "") return undefined;
  if (URL.canParse(uri) && new URL(uri).protocol === "http:") return uri;
  throw new Failure(`ECS_AGENT_URI must be the http URL that ECS sets, not ${uri.slice(0, 200)}`, 2);
}

function logOf(terminal: Terminal): AgentLog {
  return {
    info: (message) => terminal.err(`holdfast: ${message}`),
    warn: (message) => terminal.err(`holdfast: warning: ${message}`),
  };
}

function duration(flags: string, description: string, byDefault: string): Option {
  return new Option(flags, description).default(ms(byDefault), byDefault).argParser(ms);
}

function ms(text: string): number {
  const value = parseDuration(text);
  if (value === undefined || value < 100)
    throw new InvalidArgumentError(`a duration of at least 100ms, such as 40s, not ${JSON.stringify(text)}`);
  return value;
}

function httpUrl(url: string): string {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
  throw new Failure(`--url must be the URL of an admin port, such as http://127.0.0.1:9080, not ${url}`, 2);
}

async function load(): Promise<typeof import("@holdfast/aws")> {
  try {
    return await import("@holdfast/aws");
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new Failure("the package @holdfast/aws is not installed: npm install @holdfast/aws", 1, {
      cause: error,
    });
  }
}
