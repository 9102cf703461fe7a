/**
 * `holdfast swarm run`: many connections to a gateway, from this machine or from many, and a report.
 *
 * Invariant: it ends by itself, leaves no process behind, and ends with 0 only if everything was as it should
 * be.
 */
import { resolve } from "node:path";
import {
  DEFAULT_CHANNELS,
  figures,
  type HostAddress,
  MAX_CONNECTIONS,
  planSwarm,
  prepareFolder,
  type Report,
  type RunTransport,
  runSwarm,
  type SwarmOptions,
  shortcomings,
  type TokenSource,
  TRANSPORTS,
  writeReport,
} from "@holdfast/swarm";
import { Command, InvalidArgumentError, Option } from "commander";
import { DEFAULT_ADMIN_URL } from "../admin-client.js";
import { envOf } from "../config/setting.js";
import { parseDuration } from "../config/values/duration.js";
import { Failure } from "../failure.js";
import { maskedUrl } from "../masked-url.js";
import { ProgressLine } from "../output/progress-line.js";
import type { Terminal } from "../terminal.js";
import { checkedToken, TOKEN_ENV, tokenFrom } from "./client-token.js";
import { numberOption, wholeNumber } from "./number-option.js";
import { addKeyOptions, asFailure, hostsOf, keyOf } from "./swarm-hosts.js";
import { type ScenarioOptions, type SwarmRunOptions, withScenario } from "./swarm-scenario.js";

const DEFAULT_TARGETS: Readonly<Record<RunTransport, string>> = {
  websocket: "ws://127.0.0.1:8080/ws",
  sse: "http://127.0.0.1:8080/sse",
  poll: "http://127.0.0.1:8080/poll",
};
const DEFAULT_USER = "swarm-{i}";
/** How much longer than planned a run may take before its tokens end, s. */
const SPARE_S = 3600;
/** Processes of this machine. */
const MAX_AGENTS = 1_000;

const HELP = `
Agents connect from addresses of 127.0.0.0/16 when the gateway is at one of this
machine's 127.x.x.x, as a source address has only as many ports as
net.ipv4.ip_local_port_range.
The exit code is 1 unless all were connected, none was lost, no message of a
client was refused, and every broadcast reached each of them exactly once.
Clients may send where the namespace of their first channel says clientPublish,
or with --jwt-secret; with sse and poll each message is a connection of its own.

Examples:
  $ holdfast swarm run --connections 10000
  $ holdfast swarm run --channels 'news,user-{i}' --hold 2m --broadcast
  $ holdfast swarm run --transport poll --channels 'demo:{i%500}' --send-rate 50
  $ holdfast swarm run --agents 10.0.0.5,10.0.0.6 --key-file swarm.key \\
      --url ws://10.0.0.1:80/ws --admin http://10.0.0.1:9080
  $ holdfast swarm run --connections 10000 --jwt-secret "$SECRET" --user 'u{i}'
  $ holdfast swarm run --url ws://127.0.0.1:8080-8095/ws --connections 1000000 \\
      --rate 4000 --hold 5m --broadcast --report out`;

export function swarmRunCommand(terminal: Terminal, version: string): Command {
  const run = new Command("run")
    .summary("open many connections, hold them, report")
    .description(
      "Open many connections to one gateway, hold them, and report what they and the gateway went through.",
    );
  for (const add of [addLoadOptions, addAgentOptions, addTokenOptions, addReportOptions]) add(run);
  return run.addHelpText("after", HELP).action((options: SwarmRunOptions, command: Command) => {
    const given = (name: string): boolean => command.getOptionValueSource(name) === "cli";
    return runCommand(terminal, withScenario(options, given, terminal), version);
  });
}

/** The gateway, and what is done to it. */
function addLoadOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--url <url>",
        `the gateway; a range of ports is used in turn (default: "${DEFAULT_TARGETS.websocket}", or the path of the transport)`,
      ),
    )
    .addOption(new Option("--target <url>", "the old name of --url").hideHelp())
    .addOption(
      new Option("--transport <name>", "how connections hear; poll: requests that are held")
        .choices(TRANSPORTS)
        .default("websocket"),
    )
    .addOption(numberOption("--connections <number>", "connections in all", MAX_CONNECTIONS).default(1_000))
    .addOption(numberOption("--rate <number>", "connections opened a second", 100_000).default(1_000))
    .addOption(
      new Option(
        "--channels <pattern>",
        "channels of each connection; {i} is its number, {i%1000} the remainder",
      ).default(DEFAULT_CHANNELS),
    )
    .addOption(
      new Option("--hold <duration>", "how long all are held")
        .argParser(readDuration)
        .default(readDuration("30s"), "30s"),
    )
    .addOption(
      new Option(
        "--send-rate <number>",
        "messages a second that the clients send while held, in turn, each to its first channel",
      )
        .argParser((text) => wholeNumber(text, 100_000))
        .default(0),
    )
    .addOption(
      new Option(
        "--churn-rate <number>",
        "connections a second that end while all are held, in turn, each opened again at once",
      )
        .argParser((text) => wholeNumber(text, 100_000))
        .default(0),
    )
    .addOption(
      new Option(
        "--scenario <file>",
        "steps and what is expected of them, in place of one ramp and one hold",
      ),
    )
    .addOption(new Option("--reopen", "a session that ends by itself is opened again, as clients do"))
    .addOption(
      new Option(
        "--broadcast [number]",
        "send a broadcast to all at the end of the hold, or several spread over it",
      ).argParser((text) => wholeNumber(text, 1_000)),
    );
}

/** What connects. */
function addAgentOptions(command: Command): Command {
  command
    .addOption(
      new Option(
        "--agents <number|hosts>",
        "processes that connect, or the load machines with `holdfast swarm agent`: host1,host2:9190,…; auto: as many processes here as the open-files limit asks for",
      ).default("auto"),
    )
    .addOption(new Option("--agents-file <file>", "a file with one load machine a line"))
    .addOption(new Option("--redistribute", "what an agent had that died is opened by the others"));
  return addKeyOptions(command);
}

/** What connections come with. */
function addTokenOptions(command: Command): Command {
  return command
    .addOption(new Option("--token <token>", `what all connections come with (env: ${TOKEN_ENV})`))
    .addOption(
      new Option(
        "--jwt-secret <secret>",
        `the gateway's secret: signs a token for each connection that allows its channels (env: ${envOf("jwtSecret")})`,
      ),
    )
    .addOption(
      new Option("--user <pattern>", "with a secret: the users; {i} is the connection's number").default(
        DEFAULT_USER,
      ),
    )
    .addOption(new Option("--jwt-issuer <text>", `with a secret: the issuer (env: ${envOf("jwtIssuer")})`))
    .addOption(
      new Option("--jwt-audience <text>", `with a secret: the audience (env: ${envOf("jwtAudience")})`),
    );
}

/** What is asked of the gateway, and where the answer goes. */
function addReportOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--report <folder>", "where report.json and report.html go").default("swarm-report"),
    )
    .addOption(new Option("--admin <url>", "the gateway's admin port").default(DEFAULT_ADMIN_URL))
    .addOption(new Option("--admin-key <key>", `key of the admin API (env: ${envOf("adminKey")})`))
    .addOption(
      numberOption(
        "--gateway-pid <pid>",
        "the gateway's primary, if it is not the one that listens on the admin port",
        2 ** 31,
      ),
    );
}

async function runCommand(terminal: Terminal, options: ScenarioOptions, version: string): Promise<void> {
  const line = new ProgressLine(terminal);
  const folder = resolve(terminal.cwd, options.report);
  const run = swarmOptionsOf(options, terminal, version);
  let report: Report;
  try {
    planSwarm(run);
    prepareFolder(folder);
    const signal = terminal.interrupted();
    report = await runSwarm(run, {
      signal,
      onProgress: (progress) => line.show(progress),
      onWarning: (warning) => terminal.err(`warning: ${warning}`),
    });
  } catch (error) {
    throw asFailure(error);
  } finally {
    line.end();
  }
  const files = writeReport(folder, report);
  for (const [name, value] of figures(report)) await terminal.out(`${name.padEnd(24)} ${value}`);
  for (const note of report.notes) terminal.err(`note: ${note}`);
  await terminal.out(`${"report".padEnd(24)} ${files.join(", ")}`);
  const problems = shortcomings(report);
  if (problems.length > 0) throw new Failure(problems.join("; "));
}

function swarmOptionsOf(options: ScenarioOptions, terminal: Terminal, version: string): SwarmOptions {
  const { agents, hosts } = agentsOf(options, terminal);
  return {
    target: options.target ?? options.url ?? DEFAULT_TARGETS[options.transport],
    transport: options.transport,
    connections: options.connections,
    rate: options.rate,
    agents,
    channels: options.channels,
    tokens: tokensOf(options, terminal),
    holdMs: options.hold,
    sendRate: options.sendRate,
    churnRate: options.churnRate,
    reopen: options.reopen === true,
    broadcasts: options.broadcast === true ? 1 : (options.broadcast ?? 0),
    admin: adminUrl(options.admin),
    adminKey: options.adminKey ?? (terminal.env[envOf("adminKey")] || undefined),
    gatewayPid: options.gatewayPid,
    hosts: hosts === undefined ? undefined : { addresses: hosts, key: keyOf(options, terminal), version },
    redistribute: options.redistribute === true,
    scenario: options.read,
  };
}

/** A number of processes here, or hosts. */
function agentsOf(
  { agents, agentsFile }: SwarmRunOptions,
  terminal: Terminal,
): { readonly agents: number | "auto"; readonly hosts: HostAddress[] | undefined } {
  if (/^\d+$/.test(agents)) {
    if (agentsFile !== undefined) throw new Failure("--agents-file names hosts: leave --agents away", 2);
    const count = Number(agents);
    if (count >= 1 && count <= MAX_AGENTS) return { agents: count, hosts: undefined };
    throw new Failure(`--agents must be a number from 1 to ${MAX_AGENTS}, auto, or addresses of hosts`, 2);
  }
  const list = agents === "auto" ? undefined : agents;
  return { agents: "auto", hosts: hostsOf(list, agentsFile, terminal) };
}

/** What the command line says counts before what the environment says. */
function tokensOf(options: SwarmRunOptions, { env }: Terminal): TokenSource {
  const signed = (secret: string): TokenSource => ({
    kind: "signed",
    secret,
    user: options.user,
    issuer: options.jwtIssuer ?? firstOf(env[envOf("jwtIssuer")]),
    audience: options.jwtAudience ?? firstOf(env[envOf("jwtAudience")]),
    expiresS:
      Math.ceil(Date.now() / 1000 + options.hold / 1000 + options.connections / options.rate) + SPARE_S,
  });
  if (options.token !== undefined && options.jwtSecret !== undefined) {
    throw new Failure("--token and --jwt-secret exclude each other: say one of them", 2);
  }
  if (options.token !== undefined) return { kind: "one", token: checkedToken(options.token) };
  if (options.jwtSecret !== undefined) return signed(options.jwtSecret);
  const token = tokenFrom(undefined, env);
  if (token !== undefined) return { kind: "one", token };
  const secret = env[envOf("jwtSecret")] || undefined;
  return secret === undefined ? { kind: "none" } : signed(secret);
}

/** The first of a list that a setting has. */
function firstOf(list: string | undefined): string | undefined {
  return list?.split(",")[0]?.trim() || undefined;
}

function adminUrl(url: string): string {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
  throw new Failure(
    `--admin must be a URL such as ${DEFAULT_ADMIN_URL}, not ${JSON.stringify(maskedUrl(url))}`,
    2,
  );
}

function readDuration(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new InvalidArgumentError("It must be a duration such as 500ms, 30s or 5m.");
}
