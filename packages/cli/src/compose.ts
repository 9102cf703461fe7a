/**
 * Settings → what the gateway runs with. The only file that names concrete classes, but for those of which a
 * backend is made (backends/).
 *
 * Invariant: the primary and its workers are composed from the same settings, which travel to a worker as
 * JSON.
 */
import { hostname, networkInterfaces } from "node:os";
import { fileURLToPath } from "node:url";
import { LimitedLogger, type Logger, systemClock, type Tracing } from "@holdfast/core";
import type { PrimaryOptions, ReloadOptions, ShownSetting, StaticPage } from "@holdfast/gateway";
import { isLoopback, RecentWarnings, type WorkerOptions } from "@holdfast/gateway/worker";
import { EmbeddedBackend } from "./backends/embedded-backend.js";
import type { GatewayBackend } from "./backends/gateway-backend.js";
import { advertised } from "./compose/advertised.js";
import { channelRules } from "./compose/channel-rules.js";
import { coreOptions } from "./compose/core-options.js";
import { tokenOptions, webhookOptions } from "./compose/identity-options.js";
import { readPages, suggestionsFor } from "./compose/pages.js";
import { backendChoice, backendTraits } from "./config/backend-choice.js";
import { adminTls, publicTls } from "./config/certificates.js";
import type { CompleteSettings } from "./config/complete.js";
import { knowsClients } from "./config/known-clients.js";
import { spread } from "./machine/capacity.js";
import { workerExecArgv } from "./machine/heap.js";
import type { Machine } from "./machine/machine.js";
import { LogOutput } from "./output/log-output.js";
import { createLogger } from "./output/logger.js";

/** How much longer than a poll is held another worker may take for its answer, ms. */
const ANSWER_MARGIN_MS = 15_000;

/** What a worker is told, over the link as JSON. */
export interface WorkerConfig {
  readonly settings: CompleteSettings;
  readonly logFormat: "pretty" | "json";
  readonly colour: boolean;
  /** How this program is called. */
  readonly program: string;
}

export interface PrimaryParts {
  readonly settings: CompleteSettings;
  /** The same, as operators see them. */
  readonly shown: readonly ShownSetting[];
  readonly machine: Machine;
  readonly logger: Logger;
  /** Log lines that this process could not write. */
  readonly logLinesLost: () => number;
  readonly logFormat: "pretty" | "json";
  readonly colour: boolean;
  readonly program: string;
  /** What the admin port serves as it is, by path. */
  readonly dashboard: Readonly<Record<string, StaticPage>>;
  /** Node flags and NODE_OPTIONS of this process. */
  readonly execArgv: readonly string[];
  readonly nodeOptions: string;
  /** Where spans go; undefined: there are none. */
  readonly tracing?: Tracing | undefined;
}

/** What a reload gives a running primary. The worker's program is what lies on disk then. */
export function reloadOptions(parts: PrimaryParts): ReloadOptions {
  const { settings, machine, logFormat, colour, program, execArgv, nodeOptions } = parts;
  const { workers, drainDelay, drainWindow, drainRate } = settings;
  const workerConfig: WorkerConfig = { settings, logFormat, colour, program };
  return {
    workerScript: fileURLToPath(new URL("./worker/worker-main.js", import.meta.url)),
    workerExecArgv: workerExecArgv({ memoryBytes: machine.memoryBytes, workers, execArgv, nodeOptions }),
    workerConfig,
    travelsAs: settings.engine === "ws" ? "socket" : "handle",
    drain: {
      delayMs: drainDelay,
      windowMs: drainWindow,
      ratePerSecond: drainRate === "auto" ? undefined : drainRate,
    },
    rebalance: {
      automatic: settings.rebalance === "auto",
      rate: settings.rebalanceRate / 1000,
      weight: settings.rebalanceWeight,
      patienceMs: settings.rebalancePatience,
    },
    ...channelRules(settings),
    clockLeewayMs: settings.jwtLeeway,
    origins: settings.origins,
    settings: parts.shown,
  };
}

export async function primaryOptions(parts: PrimaryParts): Promise<PrimaryOptions> {
  const { settings } = parts;
  const limited = new LimitedLogger(parts.logger, systemClock);
  const warnings = new RecentWarnings(() => systemClock.now());
  const logger = warnings.over(limited);
  const { workers } = settings;
  return {
    ...reloadOptions(parts),
    ...(await backendOf(settings, logger)).primary(),
    name: `${hostname()}:${settings.port[0] ?? 0}`,
    host: settings.host,
    ports: settings.port,
    admin: {
      host: settings.adminHost,
      port: settings.adminPort,
      key: settings.adminKey,
      readKey: settings.adminReadKey,
      pages: parts.dashboard,
      maxConnections: settings.adminMaxConnections,
    },
    tls: publicTls(settings),
    adminTls: adminTls(settings),
    accept: settings.accept,
    workers,
    revocationTtlMs: settings.revocationTtl,
    maxConnections: settings.maxConnections,
    backlog: settings.backlog,
    headTimeoutMs: settings.headTimeout,
    maxHeadBytes: settings.maxHeadBytes,
    maxPendingBytes: settings.maxPendingBytes,
    writeTimeoutMs: settings.writeTimeout,
    maxPending: settings.maxPending,
    limits: limitsOf(settings),
    proxyProtocol: settings.proxyProtocol,
    trustedProxies: settings.trustedProxies ?? [],
    maxPublicationBytes: settings.maxPublicationBytes,
    tracing: parts.tracing,
    logger,
    auditLogger: parts.logger,
    logLinesLost: parts.logLinesLost,
    logLinesLimited: () => limited.leftOut,
    warnings,
    clock: systemClock,
  };
}

/**
 * The backend that the settings choose, loaded now: the other ones cost no memory. Nothing is connected to
 * before its seams are started.
 */
export async function backendOf(
  settings: CompleteSettings,
  logger: Logger,
  tracing?: Tracing,
): Promise<GatewayBackend> {
  const choice = backendChoice(settings);
  switch (choice.kind) {
    case "embedded":
      return new EmbeddedBackend(settings);
    case "redis": {
      const { RedisBackend } = await import("./backends/redis-backend.js");
      const { retention } = channelRules(settings);
      return new RedisBackend(choice.urls, settings, { logger, retention, tracing });
    }
  }
}

/** `config` comes from this program's own primary. `tracing`: where spans go; undefined: there are none. */
export async function workerOptions(
  config: WorkerConfig,
  owner: { readonly slot: number },
  tracing?: Tracing,
): Promise<WorkerOptions> {
  const { settings, logFormat, colour, program } = config;
  const output = LogOutput.standard();
  const lines = createLogger(
    {
      level: settings.logLevel,
      format: logFormat,
      colour,
      bindings: { worker: owner.slot, pid: process.pid },
    },
    output,
  );
  const limited = new LimitedLogger(lines, systemClock);
  const warnings = new RecentWarnings(() => systemClock.now());
  const logger = warnings.over(limited);
  const backend = await backendOf(settings, logger, tracing);
  return {
    ...sessionOptions(settings),
    core: coreOptions(settings),
    engine: settings.engine,
    secret: settings.secret ?? settings.jwtSecret,
    origins: settings.origins,
    onlyLocalHosts: isLoopback(settings.host) && !knowsClients(settings),
    localPages: isLoopback(settings.host),
    tokens: tokenOptions(settings),
    webhooks: webhookOptions(settings),
    tokenInUrl: settings.tokenInUrl,
    compression: settings.compression,
    gcIntervalMs: unlessOff(settings.gcInterval),
    headTimeoutMs: settings.headTimeout,
    unfinished: {
      timeoutMs: settings.messageTimeout,
      // One message has room in any case, with what growing takes.
      maxBytes: Math.max(settings.maxUnfinishedBytes, 4 * settings.maxPayload),
    },
    maxHeadBytes: settings.maxHeadBytes,
    writeTimeoutMs: settings.writeTimeout,
    brokerWaitMs: settings.brokerWait,
    canary: canaryOptions(settings),
    maxSockets: maxSockets(settings),
    advertise: (port) => advertised(settings, port, networkInterfaces()),
    pages: readPages(suggestionsFor(settings, program)),
    direct: settings.accept === "reuseport" ? directDoor(settings) : undefined,
    broker: (metrics, sharing) => backend.worker(metrics, sharing),
    sharesSubscriptions: sharesSubscriptions(settings),
    tracing,
    logger,
    logLinesLost: () => output.lost,
    logLinesLimited: () => limited.leftOut,
    warnings,
    clock: systemClock,
  };
}

/** Without other instances publications come over the link. */
function canaryOptions(settings: CompleteSettings): WorkerOptions["canary"] {
  const { canary } = settings;
  return canary === "off" || !backendTraits(settings).joinsInstances ? undefined : { intervalMs: canary };
}

/** Alone in its instance a worker has none to share with. */
function sharesSubscriptions(settings: CompleteSettings): boolean {
  const { redisSubscriptions, workers } = settings;
  return redisSubscriptions === "instance" && workers > 1 && backendTraits(settings).joinsInstances;
}

/** What a worker allows to the sessions that HTTP requests open, and to their peers. */
function sessionOptions(
  settings: CompleteSettings,
): Pick<WorkerOptions, "answerTimeoutMs" | "clients" | "sessionLimits" | "polls"> {
  return {
    answerTimeoutMs: settings.pollHold + ANSWER_MARGIN_MS,
    clients: {
      proxyProtocol: settings.proxyProtocol,
      trustedProxies: settings.trustedProxies ?? [],
    },
    sessionLimits: {
      ratePerConnection: settings.sessionRatePerConnection,
      ratePerAddress: unlessOff(settings.sessionRatePerAddress),
      maxPerAddress: unlessOff(settings.connectionsPerAddress),
    },
    polls: {
      holdMs: settings.pollHold,
      graceMs: settings.pollGrace,
      streamSilenceMs: unlessOff(settings.streamSilence),
    },
  };
}

/** One worker's share of what the instance has; what is limited by address is not shared out. */
export function directDoor(settings: CompleteSettings): Exclude<WorkerOptions["direct"], undefined> {
  const { workers, maxPending } = settings;
  const limits = limitsOf(settings);
  const { ratePerSecond } = limits;
  return {
    host: settings.host,
    ports: settings.port,
    backlog: settings.backlog,
    headTimeoutMs: settings.headTimeout,
    maxHeadBytes: settings.maxHeadBytes,
    speaksTls: settings.tlsCert !== undefined,
    origins: settings.origins,
    maxPending: Math.ceil(maxPending / workers),
    maxPendingBytes: Math.ceil(settings.maxPendingBytes / workers),
    limits: {
      ...limits,
      ratePerSecond: ratePerSecond === undefined ? undefined : Math.ceil(ratePerSecond / workers),
    },
    maxConnections: maxSockets(settings),
    workers,
    proxyProtocol: settings.proxyProtocol,
    trustedProxies: settings.trustedProxies ?? [],
  };
}

/** Sockets that one worker may hold. */
function maxSockets({ workers, maxConnections }: CompleteSettings): number {
  return Math.ceil((maxConnections * spread(workers)) / workers);
}

function limitsOf(settings: CompleteSettings): PrimaryOptions["limits"] {
  return {
    ratePerSecond: unlessOff(settings.connectionRate),
    maxPerAddress: unlessOff(settings.connectionsPerAddress),
    ratePerAddress: unlessOff(settings.connectionRatePerAddress),
  };
}

function unlessOff(value: number | "off"): number | undefined {
  return value === "off" ? undefined : value;
}
