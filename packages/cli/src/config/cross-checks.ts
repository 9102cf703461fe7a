/**
 * Rules between settings, for settings that are right one by one.
 *
 * Pure: the machine is a parameter. A rule names the setting that most likely has to change.
 */
import { engineProblem, isLoopback } from "@holdfast/gateway/checks";
import { connectionsFor, FEW_CONNECTIONS, openFilesFor, pendingFor } from "../machine/capacity.js";
import type { Machine } from "../machine/machine.js";
import { backendProblem, backendTraits } from "./backend-choice.js";
import { checkPairs } from "./certificates.js";
import type { Finding } from "./finding.js";
import { keySources, knowsClients } from "./known-clients.js";
import type { Settings } from "./schema.js";
import { formatDuration } from "./values/duration.js";
import { formatPorts } from "./values/ports.js";

/** The Node.js that can share a port between processes. */
const REUSE_PORT_SINCE = [22, 12] as const;

/** What stops the start. */
export function crossCheck(settings: Partial<Settings>, machine: Machine): Finding[] {
  return [
    ...checkReach(settings),
    ...checkTokens(settings),
    ...checkWebhooks(settings),
    ...checkTimes(settings),
    ...checkPorts(settings),
    ...checkAccept(settings, machine),
    ...checkPairs(settings),
    ...checkSecureEngine(settings),
    ...checkEngine(settings),
    ...checkBackend(settings),
    ...checkEvents(settings),
    ...checkNamespaces(settings),
    ...checkDescriptors(settings, machine),
    ...checkPending(settings, machine),
  ];
}

/** What the operator should know, although the start goes on. */
export function warnings(settings: Settings, machine: Machine): string[] {
  return [
    ...idleTokenSettings(settings),
    ...warnFewConnections(settings, machine),
    ...warnAlone(settings),
    ...warnForeignPages(settings),
    ...warnForgeable(settings),
    ...warnHiddenClients(settings),
  ];
}

/** `auto` resolved. */
export function workersOf(settings: Pick<Settings, "workers">, machine: Machine): number {
  return settings.workers === "auto" ? machine.cpus : settings.workers;
}

function warnFewConnections(settings: Settings, machine: Machine): string[] {
  const connections = connectionsFor(machine.openFiles, workersOf(settings, machine));
  if (settings.maxConnections !== "auto" || connections >= FEW_CONNECTIONS) return [];
  return [
    `holds at most ${connections} connections: a process may open ${machine.openFiles} files; ` +
      "raise it with `ulimit -n` or LimitNOFILE=",
  ];
}

function warnAlone(settings: Settings): string[] {
  const { advertise } = settings;
  if (backendTraits(settings).joinsInstances || advertise === "auto" || advertise === "off") return [];
  return [`advertise ${advertise} is for other instances of a cluster, and without redis there is none`];
}

/** Browsers send a visitor's cookie along whichever page asks. */
function warnForeignPages({ origins, webhookConnectUrl, webhookHeaders }: Settings): string[] {
  const showsCookies = webhookConnectUrl !== undefined && webhookHeaders.includes("cookie");
  if (!showsCookies || !(origins ?? []).includes("*")) return [];
  return [
    "origins * lets any page connect in the name of a visitor whose cookie the application knows; list your own pages",
  ];
}

/** What a proxy says of its clients comes encrypted, and the door cannot read it. */
function warnHiddenClients({ tlsCert, trustedProxies, connectionRatePerAddress }: Settings): string[] {
  if (tlsCert === undefined || trustedProxies === undefined || connectionRatePerAddress === "off") return [];
  return [
    "connectionRatePerAddress does not hold for clients of trustedProxies that name them by X-Forwarded-For, since with tlsCert that comes encrypted: set sessionRatePerAddress for them",
  ];
}

/** What a reader of Redis could do. */
function warnForgeable(settings: Settings): string[] {
  const { secret, jwtSecret, ...others } = settings;
  const isOwn = secret !== undefined || jwtSecret !== undefined;
  if (!backendTraits(settings).joinsInstances || isOwn || !knowsClients(others)) return [];
  return [
    "resume tokens are signed with what lies in Redis alone, and a program that reads it there could go on with any session: set secret (HOLDFAST_SECRET), the same on all instances",
  ];
}

function checkReach(settings: Partial<Settings>): Finding[] {
  const { host, anonymous, adminHost, adminKey, adminReadKey } = settings;
  const findings: Finding[] = [];
  if (host !== undefined && !isLoopback(host) && anonymous === false && !knowsClients(settings)) {
    findings.push({
      key: "host",
      message:
        `${host} can be reached from other machines, and without tokens any program there could connect and subscribe: ` +
        "set jwtSecret, jwtPublicKey, jwksUrl or webhookConnectUrl, say --anonymous if that is meant, or listen on 127.0.0.1",
    });
  }
  if (adminHost !== undefined && !isLoopback(adminHost) && adminKey === undefined) {
    findings.push({
      key: "adminHost",
      message:
        `${adminHost} can be reached from other machines, and the admin API publishes to all connections: ` +
        "set adminKey (HOLDFAST_ADMIN_KEY), or listen on 127.0.0.1",
    });
  }
  if (adminReadKey !== undefined && (adminKey === undefined || adminKey === adminReadKey)) {
    findings.push({
      key: "adminReadKey",
      message:
        adminKey === undefined
          ? "a key that only reads needs one that does the rest: set adminKey (HOLDFAST_ADMIN_KEY)"
          : "is the same as adminKey, so that it would do more than read: choose another",
    });
  }
  return findings;
}

function checkEngine(settings: Partial<Settings>): Finding[] {
  const message = engineProblem(settings);
  return message === undefined ? [] : [{ key: "compression", message }];
}

export function checkWebhooks(settings: Partial<Settings>): Finding[] {
  if (settings.webhookSecret !== undefined) return [];
  const [key] = WEBHOOK_URLS.filter((each) => settings[each] !== undefined);
  if (key === undefined) return [];
  const message =
    "needs webhookSecret (HOLDFAST_WEBHOOK_SECRET), or the application could not tell who asks: set it to 32 random characters or more";
  return [{ key, message }];
}

const WEBHOOK_URLS = ["webhookConnectUrl", "webhookSubscribeUrl", "webhookPublishUrl"] as const;

function checkTokens(settings: Partial<Settings>): Finding[] {
  const [first, second] = keySources(settings);
  if (first === undefined || second === undefined) return [];
  const message = `is a second source of keys beside ${first}: the signer of tokens uses one, so leave the other out`;
  return [{ key: second, message }];
}

/** Settings about tokens where no token is looked at. */
function idleTokenSettings(settings: Settings): string[] {
  if (keySources(settings).length > 0) return [];
  const { jwtAudience, jwtIssuer, tokenInUrl } = settings;
  const idle = Object.entries({ jwtAudience, jwtIssuer, tokenInUrl: tokenInUrl || undefined });
  return idle
    .filter(([, value]) => value !== undefined)
    .map(
      ([key]) => `${key} changes nothing: there is no key for tokens; set jwtSecret, jwtPublicKey or jwksUrl`,
    );
}

function checkTimes({ pingInterval, pongTimeout }: Partial<Settings>): Finding[] {
  if (pingInterval === undefined || pongTimeout === undefined || pongTimeout < pingInterval) return [];
  return [
    {
      key: "pongTimeout",
      message: `must be shorter than pingInterval (${formatDuration(pingInterval)}), not ${formatDuration(pongTimeout)}`,
    },
  ];
}

function checkPorts({ port, adminPort }: Partial<Settings>): Finding[] {
  // 0 is a free port, never the other's.
  if (adminPort === undefined || adminPort === 0 || port?.includes(adminPort) !== true) return [];
  return [
    {
      key: "adminPort",
      message: `must be another port than the public ones (${formatPorts(port)}), not ${adminPort}`,
    },
  ];
}

function checkAccept({ accept, port }: Partial<Settings>, machine: Machine): Finding[] {
  if (accept !== "reuseport") return [];
  const { platform, nodeVersion } = machine;
  if (platform !== "linux" || !isAtLeast(nodeVersion, REUSE_PORT_SINCE)) {
    const message =
      `reuseport needs Linux and Node.js ${REUSE_PORT_SINCE.join(".")} or later, and this is ${platform} with Node.js ${nodeVersion}: ` +
      "upgrade, or leave accept at primary";
    return [{ key: "accept", message }];
  }
  if (port?.includes(0) !== true) return [];
  const message = "reuseport needs a port to share, and with port 0 each worker would take another: name one";
  return [{ key: "port", message }];
}

/** By major and minor version. */
function isAtLeast(version: string, [major, minor]: typeof REUSE_PORT_SINCE): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split(".").map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

function checkSecureEngine({ engine, tlsCert }: Partial<Settings>): Finding[] {
  if (engine !== "lean" || tlsCert === undefined) return [];
  const message =
    "lean reads bare TCP handles, and with tlsCert what they carry is encrypted: leave engine at auto, which takes ws then, " +
    "or end TLS in front of the gateway and leave tlsCert out";
  return [{ key: "engine", message }];
}

function checkBackend(settings: Partial<Settings>): Finding[] {
  const problem = backendProblem(settings);
  return problem === undefined ? [] : [problem];
}

function checkEvents(settings: Partial<Settings>): Finding[] {
  if (settings.events !== true || backendTraits(settings).takesEvents) return [];
  const message = "needs Redis, whose stream tells the backends: set redis, or leave events out";
  return [{ key: "events", message }];
}

/** A primary out of descriptors would lose connections without a word. */
function checkPending({ maxPending }: Partial<Settings>, machine: Machine): Finding[] {
  if (maxPending === undefined || maxPending === "auto" || maxPending < machine.openFiles) return [];
  const message = `${maxPending} does not fit into ${machine.openFiles} open files: set it to ${pendingFor(machine.openFiles)} or less, or raise the limit with \`ulimit -n\` or LimitNOFILE=`;
  return [{ key: "maxPending", message }];
}

function checkNamespaces(settings: Partial<Settings>): Finding[] {
  return [...checkConflateKeys(settings), ...checkNamespaceRates(settings)];
}

function checkNamespaceRates({ namespaces = {}, commandRate }: Partial<Settings>): Finding[] {
  return Object.entries(namespaces).flatMap(([name, options]): Finding[] => {
    if (commandRate === undefined || (options.commandRate ?? 0) <= commandRate) return [];
    const message = `${JSON.stringify(name)} has a commandRate of ${options.commandRate}, above the ${commandRate} that a connection may send in all: lower it, or raise the setting commandRate`;
    return [{ key: "namespaces", message }];
  });
}

function checkConflateKeys({ namespaces = {} }: Partial<Settings>): Finding[] {
  return Object.entries(namespaces).flatMap(([name, { conflateKey, slowConsumer }]): Finding[] => {
    if (conflateKey === undefined || slowConsumer === "latest") return [];
    const message = `${JSON.stringify(name)} has a conflateKey, which is for slowConsumer "latest" alone: say so, or leave it out`;
    return [{ key: "namespaces", message }];
  });
}

function checkDescriptors({ maxConnections, workers }: Partial<Settings>, machine: Machine): Finding[] {
  if (maxConnections === undefined || maxConnections === "auto" || workers === undefined) return [];
  const count = workersOf({ workers }, machine);
  const needed = openFilesFor(maxConnections, count);
  if (needed <= machine.openFiles) return [];
  return [
    {
      key: "maxConnections",
      message:
        `${maxConnections} over ${count} ${count === 1 ? "worker" : "workers"} needs ${needed} open files per process, ` +
        `and only ${machine.openFiles} are allowed: raise it with \`ulimit -n ${needed}\` or LimitNOFILE=${needed}, ` +
        `or set maxConnections to ${connectionsFor(machine.openFiles, count)} or less`,
    },
  ];
}
