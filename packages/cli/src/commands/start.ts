/**
 * `holdfast start`: runs an instance until a signal, or until it cannot go on.
 *
 * Invariant: it ends with 0 only after a graceful stop; everything that keeps it from starting is one
 * message.
 */
import type { Logger } from "@holdfast/core";
import { type Addresses, Primary, type PrimaryOptions, type ReloadOptions } from "@holdfast/gateway";
import { Command } from "commander";
import { describeRedis, type PrimaryParts, primaryOptions, reloadOptions } from "../compose.js";
import { complete } from "../config/complete.js";
import { warnings } from "../config/cross-checks.js";
import { addSettingFlags, loadFromCommand } from "../config/flags.js";
import { ConfigProblems, formatProblem } from "../config/problem.js";
import { nextSettings } from "../config/reload.js";
import type { Settings } from "../config/schema.js";
import { linkWarnings } from "../config/service-links.js";
import { formatDuration } from "../config/values/duration.js";
import { Failure } from "../failure.js";
import type { Machine } from "../machine/machine.js";
import { accessOf, banner } from "../output/banner.js";
import { LogOutput } from "../output/log-output.js";
import { createLogger, logFormatFor } from "../output/logger.js";
import { wantsColour } from "../output/pretty-lines.js";
import { type HangUpOptions, onHangUp } from "../process/hang-up.js";
import { onIdleSignals } from "../process/idle-signals.js";
import { startProblem } from "../process/start-problem.js";
import { onStopSignals, type StopSignal } from "../process/stop-signals.js";
import type { Terminal } from "../terminal.js";

export function startCommand(terminal: Terminal, version: string, readMachine: () => Machine): Command {
  const command = new Command("start")
    .summary("run a gateway")
    .description(
      "Run a gateway: one primary and its workers. SIGTERM and SIGINT stop it gracefully, a second one at once; SIGHUP reads the file again and replaces the workers one by one.",
    );
  return addSettingFlags(command, "listed")
    .addHelpText(
      "after",
      `
A setting is a flag (--max-payload), an environment variable
(HOLDFAST_MAX_PAYLOAD) or a key of holdfast.json (maxPayload).

Examples:
  $ holdfast start
  $ holdfast start --redis redis://127.0.0.1:6379 --port 8080-8083
  $ holdfast start --host 0.0.0.0 --anonymous
  $ HOLDFAST_ADMIN_KEY=$KEY holdfast start --admin-host 0.0.0.0`,
    )
    .action((options: Readonly<Record<string, unknown>>) => start(options, terminal, version, readMachine()));
}

async function start(
  options: Readonly<Record<string, unknown>>,
  terminal: Terminal,
  version: string,
  machine: Machine,
): Promise<void> {
  const loaded = loadFromCommand(options, terminal, machine);
  const settings = complete(loaded.settings, machine);
  const logFormat = logFormatFor(settings.logFormat, process.stdout);
  const colour = wantsColour(terminal.env);
  const output = LogOutput.standard();
  const logger = createLogger(
    { level: settings.logLevel, format: logFormat, colour, bindings: { pid: process.pid } },
    output,
  );
  for (const warning of [...linkWarnings(loaded.serviceLinks), ...warnings(loaded.settings, machine)])
    logger.warn({}, warning);
  const { execArgv } = process;
  const { program } = terminal;
  const nodeOptions = terminal.env.NODE_OPTIONS ?? "";
  const logLinesLost = (): number => output.lost;
  const parts: PrimaryParts = {
    settings,
    machine,
    logger,
    logLinesLost,
    logFormat,
    colour,
    program,
    execArgv,
    nodeOptions,
  };
  let current = loaded.settings;
  const readAgain = (): ReloadOptions | undefined => {
    const next = readNext(current, () => loadFromCommand(options, terminal, machine).settings, logger);
    if (next === undefined) return undefined;
    current = next;
    return reloadOptions({ ...parts, settings: complete(next, machine) });
  };
  const hangUp = { hasFile: loaded.file !== undefined, env: terminal.env };
  const access = accessOf(loaded.settings, loaded.sources, loaded.file?.path);
  await run(primaryOptions(parts), hangUp, readAgain, ({ ports, adminPort }, notReady) => {
    const { host, adminHost, workers } = settings;
    const admin = { host: adminHost, port: adminPort };
    const { block, message, fields } = banner({
      version,
      program,
      host,
      ports,
      admin,
      workers,
      redis: describeRedis(settings),
      notReady,
      access,
    });
    if (logFormat === "json") logger.info(fields, message);
    else if (settings.logLevel === "info" || settings.logLevel === "debug") output.write(`${block}\n`);
  });
}

/** The settings to go on with, or undefined when they are wrong: then the log has every problem. */
function readNext(current: Settings, read: () => Settings, logger: Logger): Settings | undefined {
  try {
    const { settings, kept } = nextSettings(current, read());
    if (kept.length > 0) {
      logger.warn({ settings: kept }, `reload: kept until a restart: ${kept.join(", ")}`);
    }
    return settings;
  } catch (error) {
    const problems = error instanceof ConfigProblems ? error.problems.map(formatProblem) : [String(error)];
    for (const problem of problems) logger.error({ problem }, `reload refused: ${problem}`);
    logger.error({ problems: problems.length }, "reload refused: the old configuration goes on");
    return undefined;
  }
}

/**
 * From start to end: resolves after a graceful stop, throws what kept the instance from starting or going on.
 * `readAgain`: what SIGHUP reloads, or undefined when that is wrong.
 */
async function run(
  options: PrimaryOptions,
  hangUp: Pick<HangUpOptions, "hasFile" | "env">,
  readAgain: () => ReloadOptions | undefined,
  onStarted: (addresses: Addresses, notReady: readonly string[]) => void,
): Promise<void> {
  const { logger } = options;
  let { drain } = options;
  const releases: (() => void)[] = [];
  try {
    const ended = new Promise<void>((resolve, reject) => {
      const primary = new Primary(options, (problem) => {
        const failure = new Failure(`the instance cannot go on: ${problem}`);
        primary.stop(0).then(() => reject(failure), reject);
      });
      const stop = (signal: StopSignal | "SIGHUP"): void => {
        const window = formatDuration(drain.windowMs);
        logger.info({ signal }, `stopping: clients leave over ${window}; a second signal ends at once`);
        primary.stop().then(resolve, reject);
      };
      // A stop that comes before the start is through leaves it pending; `ended` settles all the same.
      const started = primary.start();
      started.then(
        (addresses) => onStarted(addresses, primary.notReady()),
        (error: unknown) => reject(startProblem(error)),
      );
      const reload = (): void => {
        const next = readAgain();
        if (next === undefined) return primary.reloadRefused();
        drain = next.drain;
        primary.reload(next);
      };
      releases.push(onStopSignals({ stop, abort: () => primary.abort() }));
      releases.push(
        onIdleSignals(() =>
          logger.info({}, "SIGUSR2 ignored: SIGHUP reloads, and logs go to standard output"),
        ),
      );
      // One that comes during the start is carried out after it.
      releases.push(
        onHangUp({
          reload: () => void started.then(reload, () => {}),
          stop: () => stop("SIGHUP"),
          ignored: () =>
            logger.info({}, "SIGHUP ignored, as under nohup: name a file with --config to reload by it"),
          ...hangUp,
        }),
      );
    });
    await ended;
    logger.info({}, "stopped");
  } finally {
    for (const release of releases) release();
  }
}
