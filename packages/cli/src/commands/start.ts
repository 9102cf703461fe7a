/**
 * `holdfast start`: runs an instance until a signal, or until it cannot go on.
 *
 * Invariant: it ends with 0 only after a graceful stop; everything that keeps it from starting is one
 * message.
 */
import { isDeepStrictEqual } from "node:util";
import { setFlagsFromString } from "node:v8";
import type { Logger } from "@holdfast/core";
import {
  type Addresses,
  chooseEngine,
  Primary,
  type PrimaryOptions,
  type ReadAgain,
} from "@holdfast/gateway";
import { Command } from "commander";
import { readDashboard } from "../compose/dashboard-pages.js";
import { backendOf, type PrimaryParts, primaryOptions, reloadOptions } from "../compose.js";
import { complete } from "../config/complete.js";
import { warnings } from "../config/cross-checks.js";
import { addSettingFlags, loadFromCommand } from "../config/flags.js";
import type { Loaded } from "../config/load.js";
import { ConfigProblems, formatProblem } from "../config/problem.js";
import { nextSettings } from "../config/reload.js";
import type { Settings } from "../config/schema.js";
import { linkWarnings } from "../config/service-links.js";
import { shownSettings } from "../config/shown.js";
import { formatDuration } from "../config/values/duration.js";
import { Failure } from "../failure.js";
import { primaryFlags } from "../machine/heap.js";
import type { Machine } from "../machine/machine.js";
import { accessOf, banner } from "../output/banner.js";
import { LogOutput } from "../output/log-output.js";
import { createLogger, logFormatFor } from "../output/logger.js";
import { wantsColour } from "../output/pretty-lines.js";
import { type HangUpOptions, onHangUp } from "../process/hang-up.js";
import { onIdleSignals } from "../process/idle-signals.js";
import { programStamp } from "../process/program-stamp.js";
import { startProblem } from "../process/start-problem.js";
import { onStopSignals, type StopSignal } from "../process/stop-signals.js";
import type { Terminal } from "../terminal.js";
import { loadTracing } from "../tracing/load-tracing.js";

export function startCommand(terminal: Terminal, version: string, readMachine: () => Machine): Command {
  const command = new Command("start")
    .summary("run a gateway")
    .description(
      "Run a gateway: one primary and its workers. SIGTERM and SIGINT stop it gracefully, a second one at once; SIGHUP reads the file again and replaces the workers one by one; where certificates alone have changed it ends no connection.",
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
  for (const flag of primaryFlags(machine.nodeVersion)) setFlagsFromString(flag);
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
    shown: shownSettings(loaded.settings, loaded, machine),
    machine,
    logger,
    logLinesLost,
    logFormat,
    colour,
    program,
    dashboard: readDashboard(new URL("../dashboard/", import.meta.url)),
    execArgv,
    nodeOptions,
    tracing: await loadTracing(settings.tracing, logger),
  };
  let current = loaded.settings;
  let stamp = programStamp(reloadOptions(parts).workerScript);
  const readAgain = (): ReadAgain => {
    const next = readNext(current, () => loadFromCommand(options, terminal, machine), logger);
    if ("problems" in next) return { kind: "refused", problems: next.problems };
    const isSame = isDeepStrictEqual(next.settings, current);
    current = next.settings;
    const shown = shownSettings(current, next.read, machine);
    const program = reloadOptions({ ...parts, shown, settings: complete(current, machine) });
    const last = stamp;
    stamp = programStamp(program.workerScript);
    return { kind: "read", options: program, isNew: !isSame || stamp !== last };
  };
  const hangUp = { hasFile: loaded.file !== undefined, env: terminal.env };
  const access = accessOf(loaded.settings, loaded.sources, loaded.file?.path);
  const broker = (await backendOf(settings, logger)).describe();
  await run({ ...(await primaryOptions(parts)), readAgain }, hangUp, ({ ports, adminPort }, notReady) => {
    tellEngine(loaded.settings, machine, logger);
    const { host, adminHost, workers, engine } = settings;
    const admin = { host: adminHost, port: adminPort, isSecure: settings.adminTlsCert !== undefined };
    const { block, message, fields } = banner({
      version,
      program,
      host,
      ports,
      isSecure: settings.tlsCert !== undefined,
      admin,
      workers,
      engine,
      broker,
      notReady,
      access,
    });
    if (logFormat === "json") logger.info(fields, message);
    else if (settings.logLevel === "info" || settings.logLevel === "debug") output.write(`${block}\n`);
  });
}

/** Says which engine was chosen, and why. A start that fails says why it failed alone. */
function tellEngine(wanted: Settings, { nodeVersion }: Machine, logger: Logger): void {
  const { engine, why } = chooseEngine(wanted, nodeVersion);
  const isFallback =
    wanted.engine === "auto" && wanted.compression !== "dedicated" && wanted.tlsCert === undefined;
  const level = engine === "ws" && isFallback ? "warn" : "info";
  logger[level]({ engine }, `WebSockets run on the engine ${engine}: ${why}`);
}

/** The settings to go on with, or what is wrong with them: then the log has every problem, too. */
function readNext(
  current: Settings,
  load: () => Loaded,
  logger: Logger,
): { readonly settings: Settings; readonly read: Loaded } | { readonly problems: readonly string[] } {
  try {
    const read = load();
    const { settings, kept } = nextSettings(current, read.settings);
    if (kept.length > 0) {
      logger.warn({ settings: kept }, `reload: kept until a restart: ${kept.join(", ")}`);
    }
    return { settings, read };
  } catch (error) {
    const problems = error instanceof ConfigProblems ? error.problems.map(formatProblem) : [String(error)];
    for (const problem of problems) logger.error({ problem }, `reload refused: ${problem}`);
    logger.error({ problems: problems.length }, "reload refused: the old configuration goes on");
    return { problems };
  }
}

/**
 * From start to end: resolves after a graceful stop, throws what kept the instance from starting or going on.
 */
async function run(
  options: PrimaryOptions,
  hangUp: Pick<HangUpOptions, "hasFile" | "env">,
  onStarted: (addresses: Addresses, notReady: readonly string[]) => void,
): Promise<void> {
  const { logger } = options;
  const releases: (() => void)[] = [];
  try {
    const ended = new Promise<void>((resolve, reject) => {
      const primary = new Primary(options, (problem) => {
        const failure = new Failure(`the instance cannot go on: ${problem}`);
        primary.stop(0).then(() => reject(failure), reject);
      });
      const stop = (signal: StopSignal | "SIGHUP"): void => {
        const window = formatDuration(primary.drainPlan.windowMs);
        logger.info({ signal }, `stopping: clients leave over ${window}; a second signal ends at once`);
        primary.stop().then(resolve, reject);
      };
      // A stop that comes before the start is through leaves it pending; `ended` settles all the same.
      const started = primary.start();
      started.then(
        (addresses) => onStarted(addresses, primary.notReady()),
        (error: unknown) => reject(startProblem(error)),
      );
      releases.push(onStopSignals({ stop, abort: () => primary.abort() }));
      releases.push(
        onIdleSignals(() =>
          logger.info({}, "SIGUSR2 ignored: SIGHUP reloads, and logs go to standard output"),
        ),
      );
      // One that comes during the start is carried out after it.
      releases.push(
        onHangUp({
          reload: () =>
            void started.then(
              () => primary.readAgain(),
              () => {},
            ),
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
