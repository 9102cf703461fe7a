/**
 * `holdfast plan`: what a fleet for so many connections takes, what it costs, and which limit it meets first.
 *
 * Owns flags and their defaults. The formulas are those of packages/platform. Invariant: it reads nothing of
 * the machine that it runs on.
 */
import { instanceType, knownFamilies, type PlanInput, plan } from "@holdfast/platform";
import { Command, Option } from "commander";
import { parseDuration } from "../config/values/duration.js";
import { parseSize } from "../config/values/size.js";
import { Failure } from "../failure.js";
import { planText } from "../output/plan-text.js";
import type { Terminal } from "../terminal.js";
import { numberOption } from "./number-option.js";

interface PlanOptions {
  readonly connections: number;
  readonly messageRate?: number;
  readonly messageSize?: string;
  readonly fanOut?: number;
  readonly commandRate?: number;
  readonly pingInterval?: string;
  readonly historyChannels?: number;
  readonly historySize?: number;
  readonly members?: number;
  readonly instanceType?: string;
  readonly loadBalancer?: "nlb" | "alb";
  readonly protocol?: "tcp" | "tls" | "http" | "https";
  readonly zones?: number;
  readonly crossZone?: boolean;
  readonly json?: boolean;
}

const MAX_CONNECTIONS = 100_000_000;
const MAX_RATE = 10_000_000;

export function planCommand(terminal: Terminal): Command {
  return new Command("plan")
    .summary("say what a fleet takes and costs")
    .description(
      "Say which instances, memory, Redis and load balancer a number of connections takes on AWS, what that costs a month, and which limit is hit first.",
    )
    .addOption(
      numberOption("--connections <number>", "connections at once", MAX_CONNECTIONS).makeOptionMandatory(),
    )
    .addOption(
      numberOption("--message-rate <number>", "publications a second of the whole cluster", MAX_RATE),
    )
    .addOption(new Option("--message-size <size>", "of a publication (default: 200B)"))
    .addOption(numberOption("--fan-out <number>", "connections that hear each publication", MAX_CONNECTIONS))
    .addOption(
      numberOption("--command-rate <number>", "commands a second that all clients send together", MAX_RATE),
    )
    .addOption(
      new Option(
        "--ping-interval <duration>",
        "the setting pingInterval (default: what idle timers bear, 25s at most)",
      ),
    )
    .addOption(numberOption("--history-channels <number>", "channels that keep a history", MAX_CONNECTIONS))
    .addOption(numberOption("--history-size <number>", "publications that each of them keeps", 1_000_000))
    .addOption(numberOption("--members <number>", "members of presence at once", MAX_CONNECTIONS))
    .addOption(new Option("--instance-type <name>", "of EC2 (default: m8g.xlarge)"))
    .addOption(new Option("--load-balancer <kind>", "of AWS (default: nlb)").choices(["nlb", "alb"]))
    .addOption(
      new Option("--protocol <name>", "of its listener (default: tcp of an nlb, https of an alb)").choices([
        "tcp",
        "tls",
        "http",
        "https",
      ]),
    )
    .addOption(numberOption("--zones <number>", "availability zones (default: 3)", 6))
    .addOption(new Option("--cross-zone", "an nlb balances between zones"))
    .addOption(new Option("--json", "as JSON"))
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast plan --connections 1000000 --message-rate 20 --fan-out 10000
  $ holdfast plan --connections 50000 --instance-type c8g.large --load-balancer alb`,
    )
    .action(async ({ json = false, ...options }: PlanOptions) => {
      const made = planned(options);
      await terminal.out(json ? JSON.stringify(made, null, 2) : planText(made, options.connections));
    });
}

function planned(options: PlanOptions): ReturnType<typeof plan> {
  const input = inputOf(options);
  try {
    return plan(input);
  } catch (error) {
    if (error instanceof RangeError) throw new Failure(`no plan for that: ${error.message}`, 2);
    throw error;
  }
}

/** The flags as the formula reads them, without those that were not said. */
function inputOf(options: PlanOptions): PlanInput {
  const { connections, messageRate, fanOut, commandRate, pingInterval, messageSize } = options;
  checkType(options.instanceType);
  checkListener(options);
  return definedOf({
    connections,
    publicationsPerSecond: messageRate,
    // A rate without a fan-out: each publication reaches one connection.
    subscribersPerPublication: fanOut ?? (messageRate === undefined ? undefined : 1),
    publicationBytes: messageSize === undefined ? undefined : sizeOf(messageSize),
    commandsPerConnection: commandRate === undefined ? undefined : commandRate / connections,
    pingIntervalSeconds: pingInterval === undefined ? undefined : secondsOf(pingInterval),
    historyChannels: options.historyChannels,
    historySize: options.historySize,
    members: options.members,
    instanceType: options.instanceType,
    loadBalancer: options.loadBalancer,
    protocol: options.protocol,
    zones: options.zones,
    crossZone: options.crossZone,
  });
}

type Maybe<Value> = { readonly [Key in keyof Value]: Value[Key] | undefined };

function definedOf(input: Maybe<Required<PlanInput>>): PlanInput {
  return Object.fromEntries(
    Object.entries(input).filter(([, value]) => value !== undefined),
  ) as unknown as PlanInput;
}

function checkType(name: string | undefined): void {
  if (name === undefined || instanceType(name) !== undefined) return;
  throw new Failure(
    `--instance-type ${JSON.stringify(name)} is not known here: write one such as m8g.xlarge, of the families ${knownFamilies().join(", ")}`,
    2,
  );
}

function checkListener({ loadBalancer = "nlb", protocol }: PlanOptions): void {
  const fits = loadBalancer === "nlb" ? ["tcp", "tls"] : ["http", "https"];
  if (protocol === undefined || fits.includes(protocol)) return;
  throw new Failure(`--protocol ${protocol} is none of an ${loadBalancer}: write ${fits.join(" or ")}`, 2);
}

function sizeOf(text: string): number {
  const size = parseSize(text);
  if (size !== undefined && size > 0) return size;
  throw new Failure(`--message-size must be a size such as 200B or 4KiB, not ${JSON.stringify(text)}`, 2);
}

function secondsOf(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 1000) return ms / 1000;
  throw new Failure(`--ping-interval must be a duration from 1s such as 25s, not ${JSON.stringify(text)}`, 2);
}
