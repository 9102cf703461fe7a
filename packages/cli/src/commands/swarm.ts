/**
 * `holdfast swarm run`: many connections to a gateway, and a report.
 *
 * Invariant: it ends by itself, leaves no process behind, and ends with 0 only if everything was as it should
 * be.
 */
import { resolve } from "node:path";
import {
  DEFAULT_CHANNELS,
  figures,
  planSwarm,
  prepareFolder,
  type Report,
  type RunTransport,
  runSwarm,
  type SwarmOptions,
  SwarmProblem,
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

interface RunOptions {
  readonly url?: string;
  /** The old name of `url`. */
  readonly target?: string;
  readonly token?: string;
  readonly jwtSecret?: string;
  readonly jwtIssuer?: string;
  readonly jwtAudience?: string;
  readonly user: string;
  readonly transport: RunTransport;
  readonly connections: number;
  readonly rate: number;
  readonly agents: number | "auto";
  readonly channels: string;
  readonly hold: number;
  readonly sendRate: number;
  readonly broadcast?: true | number;
  readonly report: string;
  readonly admin: string;
  readonly adminKey?: string;
  readonly gatewayPid?: number;
}

const DEFAULT_TARGETS: Readonly<Record<RunTransport, string>> = {
  websocket: "ws://127.0.0.1:8080/ws",
  sse: "http://127.0.0.1:8080/sse",
  poll: "http://127.0.0.1:8080/poll",
};
const DEFAULT_USER = "swarm-{i}";
/** How much longer than planned a run may take before its tokens end, s. */
const SPARE_S = 3600;
const MAX_CONNECTIONS = 10_000_000;

export function swarmCommand(terminal: Terminal): Command {
  const run = new Command("run")
    .summary("open many connections, hold them, report")
    .description(
      "Open many connections to one gateway, hold them, and report what they and the gateway went through.",
    )
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
    .addOption(number("--connections <number>", "connections in all", MAX_CONNECTIONS).default(1_000))
    .addOption(number("--rate <number>", "connections opened a second", 100_000).default(1_000))
    .addOption(
      new Option(
        "--agents <number>",
        "processes that connect; auto: as many as the open-files limit asks for",
      )
        .argParser((text) => (text === "auto" ? text : wholeNumber(text, 1_000)))
        .default("auto"),
    )
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
        "--broadcast [number]",
        "send a broadcast to all at the end of the hold, or several spread over it",
      ).argParser((text) => wholeNumber(text, 1_000)),
    )
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
    )
    .addOption(
      new Option("--report <folder>", "where report.json and report.html go").default("swarm-report"),
    )
    .addOption(new Option("--admin <url>", "the gateway's admin port").default(DEFAULT_ADMIN_URL))
    .addOption(new Option("--admin-key <key>", `key of the admin API (env: ${envOf("adminKey")})`))
    .addOption(
      number(
        "--gateway-pid <pid>",
        "the gateway's primary, if it is not the one that listens on the admin port",
        2 ** 31,
      ),
    )
    .addHelpText(
      "after",
      `
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
  $ holdfast swarm run --connections 10000 --jwt-secret "$SECRET" --user 'u{i}'
  $ holdfast swarm run --url ws://127.0.0.1:8080-8095/ws --connections 1000000 \\
      --rate 4000 --hold 5m --broadcast --report out`,
    )
    .action((options: RunOptions) => runCommand(terminal, options));
  return new Command("swarm").summary("load a gateway").description("Load a gateway.").addCommand(run);
}

async function runCommand(terminal: Terminal, options: RunOptions): Promise<void> {
  const line = new ProgressLine(terminal);
  const folder = resolve(terminal.cwd, options.report);
  const run: SwarmOptions = {
    target: options.target ?? options.url ?? DEFAULT_TARGETS[options.transport],
    transport: options.transport,
    connections: options.connections,
    rate: options.rate,
    agents: options.agents,
    channels: options.channels,
    tokens: tokensOf(options, terminal),
    holdMs: options.hold,
    sendRate: options.sendRate,
    broadcasts: options.broadcast === true ? 1 : (options.broadcast ?? 0),
    admin: adminUrl(options.admin),
    adminKey: options.adminKey ?? (terminal.env[envOf("adminKey")] || undefined),
    gatewayPid: options.gatewayPid,
  };
  let report: Report;
  try {
    planSwarm(run);
    prepareFolder(folder);
    const signal = terminal.interrupted();
    report = await runSwarm(run, { signal, onProgress: (progress) => line.show(progress) });
  } catch (error) {
    if (!(error instanceof SwarmProblem)) throw error;
    throw new Failure(error.message, error.kind === "wrong" ? 2 : 1, { cause: error });
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

/** What the command line says counts before what the environment says. */
function tokensOf(options: RunOptions, { env }: Terminal): TokenSource {
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

function number(flags: string, description: string, most: number): Option {
  return new Option(flags, description).argParser((text) => wholeNumber(text, most));
}

function wholeNumber(text: string, most: number): number {
  const value = Number(text);
  if (/^\d{1,10}$/.test(text) && value >= 1 && value <= most) return value;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${most}.`);
}

function readDuration(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new InvalidArgumentError("It must be a duration such as 500ms, 30s or 5m.");
}
