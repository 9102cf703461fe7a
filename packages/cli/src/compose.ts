/**
 * Settings → what the gateway runs with. The only file that names concrete classes.
 *
 * Invariant: the primary and its workers are composed from the same settings, which travel to a worker as
 * JSON.
 */
import { networkInterfaces } from "node:os";
import { fileURLToPath } from "node:url";
import {
  CONTROL,
  LimitedLogger,
  type Logger,
  MemoryBroker,
  MemoryBus,
  MemoryPresence,
  MemoryRevocations,
  type Metrics,
  Namespaces,
  noMetrics,
  type PresenceStore,
  type Retention,
  type RevocationStore,
  systemClock,
} from "@holdfast/core";
import {
  isLoopback,
  type PrimaryOptions,
  type ReloadOptions,
  type ServedSeam,
  type WorkerOptions,
} from "@holdfast/gateway";
import { describeTarget, parseRedisUrl, RedisBroker } from "@holdfast/redis";
import { advertised } from "./compose/advertised.js";
import { coreOptions } from "./compose/core-options.js";
import { tokenOptions, webhookOptions } from "./compose/identity-options.js";
import { readPages, suggestionsFor } from "./compose/pages.js";
import type { CompleteSettings } from "./config/complete.js";
import { knowsClients } from "./config/cross-checks.js";
import { Failure } from "./failure.js";
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
  readonly machine: Machine;
  readonly logger: Logger;
  /** Log lines that this process could not write. */
  readonly logLinesLost: () => number;
  readonly logFormat: "pretty" | "json";
  readonly colour: boolean;
  readonly program: string;
  /** Node flags and NODE_OPTIONS of this process. */
  readonly execArgv: readonly string[];
  readonly nodeOptions: string;
}

/** What a reload gives a running primary. The worker's program is what lies on disk then. */
export function reloadOptions(parts: PrimaryParts): ReloadOptions {
  const { settings, machine, logFormat, colour, program, execArgv, nodeOptions } = parts;
  const { workers, drainDelay, drainWindow, drainRate } = settings;
  const workerConfig: WorkerConfig = { settings, logFormat, colour, program };
  return {
    workerScript: fileURLToPath(new URL("./worker-main.js", import.meta.url)),
    workerExecArgv: workerExecArgv({ memoryBytes: machine.memoryBytes, workers, execArgv, nodeOptions }),
    workerConfig,
    drain: {
      delayMs: drainDelay,
      windowMs: drainWindow,
      ratePerSecond: drainRate === "auto" ? undefined : drainRate,
    },
    retention: retentions(settings),
    hasPresence: hasPresence(settings),
    clockLeewayMs: settings.jwtLeeway,
    origins: settings.origins,
  };
}

export function primaryOptions(parts: PrimaryParts): PrimaryOptions {
  const { settings } = parts;
  const logger = new LimitedLogger(parts.logger, systemClock);
  const { workers } = settings;
  return {
    ...reloadOptions(parts),
    ...(settings.redis === undefined ? embedded(settings) : onRedis(settings, logger)),
    host: settings.host,
    ports: settings.port,
    admin: {
      host: settings.adminHost,
      port: settings.adminPort,
      key: settings.adminKey,
      maxConnections: settings.adminMaxConnections,
    },
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
    logger,
    logLinesLost: parts.logLinesLost,
    logLinesLimited: () => logger.leftOut,
    clock: systemClock,
  };
}

type Home = Pick<PrimaryOptions, "broker" | "bus" | "presence" | "revocations" | "seams">;

/** The broker and its seams in this process, which serves them to the workers. */
function embedded(settings: CompleteSettings): Home {
  const { maxRevocations } = settings;
  const bus = new MemoryBus();
  const presence = new MemoryPresence(bus, systemClock);
  const revocations = new MemoryRevocations({
    maxRevocations,
    now: () => systemClock.now(),
    tell: (order) => bus.publish(CONTROL, order, {}),
  });
  return {
    broker: new MemoryBroker(bus),
    bus,
    presence,
    revocations,
    seams: {
      presence: () => servedPresence(presence, settings.presenceGrace),
      revocations: () => ({
        methods: {
          add: (...[each]: Parameters<RevocationStore["add"]>) => revocations.add(each),
          list: (...[from, known]: Parameters<RevocationStore["list"]>) => revocations.list(from, known),
          spend: (...[id, forMs]: Parameters<RevocationStore["spend"]>) => revocations.spend(id, forMs),
        },
      }),
    },
  };
}

/** Presence as one worker may use it. When the worker is gone, its members are as good as disconnected. */
function servedPresence(presence: MemoryPresence, graceMs: number): ServedSeam {
  const begun = new Set<string>();
  return {
    methods: {
      renew: (...[id, forMs, begin]: Parameters<PresenceStore["renew"]>) => {
        if (begin) begun.add(id);
        return presence.renew(id, forMs, begin);
      },
      change: (...[channel, ...rest]: Parameters<PresenceStore["change"]>) =>
        presence.change(channel, ...rest),
      read: (...[channel, limit, cursor]: Parameters<PresenceStore["read"]>) =>
        presence.read(channel, limit, cursor),
      end: (id: string) => {
        begun.delete(id);
        return presence.end(id);
      },
    },
    close() {
      for (const id of begun) presence.abandon(id, graceMs);
    },
  };
}

/** The workers have their own. */
function onRedis(settings: CompleteSettings, logger: Logger): Home {
  const broker = redisBroker(settings, logger, noMetrics);
  return {
    broker,
    bus: undefined,
    presence: broker.presence(),
    revocations: broker.revocations(),
    seams: {},
  };
}

/** `config` comes from this program's own primary. */
export function workerOptions(config: WorkerConfig, owner: { readonly slot: number }): WorkerOptions {
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
  const logger = new LimitedLogger(lines, systemClock);
  return {
    core: coreOptions(settings),
    secret: settings.secret ?? settings.jwtSecret,
    origins: settings.origins,
    onlyLocalHosts: isLoopback(settings.host) && !knowsClients(settings),
    localPages: isLoopback(settings.host),
    tokens: tokenOptions(settings),
    webhooks: webhookOptions(settings),
    tokenInUrl: settings.tokenInUrl,
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
    maxSockets: maxSockets(settings),
    answerTimeoutMs: settings.pollHold + ANSWER_MARGIN_MS,
    advertise: (port) => advertised(settings, port, networkInterfaces()),
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
    pages: readPages(suggestionsFor(settings, program)),
    direct: settings.accept === "reuseport" ? directDoor(settings) : undefined,
    broker:
      settings.redis === undefined
        ? undefined
        : (metrics) => {
            const broker = redisBroker(settings, logger, metrics);
            return {
              broker,
              ingest: broker.ingest(retentions(settings)),
              directory: broker.directory(),
              presence: broker.presence(settings.events ? settings.eventsMaxLength : undefined),
              revocations: broker.revocations(),
              events: settings.events
                ? broker.events({ maxLength: settings.eventsMaxLength, maxBytes: settings.eventsMaxBytes })
                : undefined,
            };
          },
    logger,
    logLinesLost: () => output.lost,
    logLinesLimited: () => logger.leftOut,
    clock: systemClock,
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

/** What the broker keeps of a channel's past: the primary publishes by the same rules as the workers. */
function retentions(settings: CompleteSettings): (channel: string) => Retention | undefined {
  const options = coreOptions(settings);
  const namespaces = new Namespaces(options.namespaces, options);
  return (channel) => namespaces.retention(channel);
}

/** Whether a channel has presence. */
function hasPresence(settings: CompleteSettings): (channel: string) => boolean {
  const options = coreOptions(settings);
  const namespaces = new Namespaces(options.namespaces, options);
  return (channel) => namespaces.presence(channel) !== undefined;
}

/** Where Redis is, without its password; undefined when the broker is the embedded one. */
export function describeRedis({ redis }: Pick<CompleteSettings, "redis">): string | undefined {
  return redis === undefined ? undefined : describeTarget(redisTarget(redis));
}

function redisBroker(settings: CompleteSettings, logger: Logger, metrics: Metrics): RedisBroker {
  const { redis, redisPrefix, maxPublicationBytes, maxRevocations } = settings;
  const target = redisTarget(redis ?? "");
  const seams = { clock: systemClock, logger, metrics, random: Math.random };
  return new RedisBroker({ target, prefix: redisPrefix, maxPublicationBytes, maxRevocations }, seams);
}

/** The URL was checked with the settings. */
function redisTarget(url: string): Exclude<ReturnType<typeof parseRedisUrl>, { problem: string }> {
  const target = parseRedisUrl(url);
  if ("problem" in target) throw new Failure(`redis ${target.problem}`, 2);
  return target;
}

function unlessOff(value: number | "off"): number | undefined {
  return value === "off" ? undefined : value;
}
