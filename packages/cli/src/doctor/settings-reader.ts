/**
 * Facts of the settings: what a start would begin with, what would stop it, what it would warn of.
 *
 * Owns the way from settings to facts. Invariant: no secret is in a fact. A wrong flag is the caller's
 * mistake and is thrown; a wrong variable or file is what a doctor is asked about.
 */
import { type Fact, type GatewayFacts, known, type SettingsFacts, unknown } from "@holdfast/doctor";
import { isLoopback } from "@holdfast/gateway/checks";
import { backendChoice } from "../config/backend-choice.js";
import { type CompleteSettings, complete } from "../config/complete.js";
import { warnings } from "../config/cross-checks.js";
import { loadFromCommand } from "../config/flags.js";
import { knowsClients } from "../config/known-clients.js";
import { ConfigProblems, formatProblem } from "../config/problem.js";
import { type SettingKey, settingOf } from "../config/schema.js";
import { linkWarnings } from "../config/service-links.js";
import type { Machine } from "../machine/machine.js";
import type { Terminal } from "../terminal.js";
import { secretBits } from "./secret-strength.js";

export interface SettingsRead extends Pick<GatewayFacts, "problems" | "warnings"> {
  readonly settings: Fact<SettingsFacts>;
  /** The settings themselves, by which Redis and the gateway are asked; undefined where they are wrong. */
  readonly complete: CompleteSettings | undefined;
}

const SECRETS = ["jwtSecret", "secret", "webhookSecret", "adminKey"] as const;
const URLS = ["jwksUrl", "webhookConnectUrl", "webhookSubscribeUrl", "webhookPublishUrl"] as const;

export function readSettings(
  options: Readonly<Record<string, unknown>>,
  terminal: Terminal,
  machine: Machine,
): SettingsRead {
  try {
    const loaded = loadFromCommand(options, terminal, machine);
    const settings = complete(loaded.settings, machine);
    return {
      settings: known(factsOf(settings)),
      problems: [],
      warnings: [...linkWarnings(loaded.serviceLinks), ...warnings(loaded.settings, machine)],
      complete: settings,
    };
  } catch (error) {
    if (!(error instanceof ConfigProblems) || error.problems.some(({ source }) => source.startsWith("--")))
      throw error;
    return {
      settings: unknown("the settings are wrong (HF-G001)"),
      problems: error.problems.map(formatProblem),
      warnings: [],
      complete: undefined,
    };
  }
}

function factsOf(settings: CompleteSettings): SettingsFacts {
  const { webhookConnectUrl, webhookHeaders, connectionsPerAddress, connectionRatePerAddress } = settings;
  return {
    ...plainFacts(settings),
    isPublic: !isLoopback(settings.host),
    isAdminPublic: !isLoopback(settings.adminHost),
    knowsClients: knowsClients(settings),
    hasAdminKey: settings.adminKey !== undefined,
    showsCookies: webhookConnectUrl !== undefined && webhookHeaders.includes("cookie"),
    hasAddressLimits: connectionsPerAddress !== "off" || connectionRatePerAddress !== "off",
    hasRedis: backendChoice(settings).kind === "redis",
    secrets: SECRETS.flatMap((key) => secretFacts(key, settings[key])),
    plainUrls: URLS.flatMap((key) => plainUrl(key, settings[key])),
  };
}

/** Those that are facts as they are: named one by one, so that a secret is none. */
function plainFacts(
  settings: CompleteSettings,
): Pick<SettingsFacts, keyof SettingsFacts & keyof CompleteSettings> {
  const { host, port, accept, workers, maxConnections, backlog, anonymous, origins, tokenInUrl } = settings;
  const { proxyProtocol, trustedProxies, pingInterval, pongTimeout, pollHold, drainDelay, drainWindow } =
    settings;
  const { maxOutboxBytes, maxPublicationBytes, logLevel } = settings;
  return {
    ...{ host, port, accept, workers, maxConnections, backlog, anonymous, origins, tokenInUrl },
    ...{ proxyProtocol, trustedProxies, pingInterval, pongTimeout, pollHold, drainDelay, drainWindow },
    ...{ maxOutboxBytes, maxPublicationBytes, logLevel },
  };
}

function secretFacts(key: SettingKey, secret: string | undefined): SettingsFacts["secrets"] {
  if (secret === undefined) return [];
  return [{ key, bits: secretBits(secret), isExample: secret === settingOf(key).example }];
}

function plainUrl(key: SettingKey, url: string | undefined): SettingsFacts["plainUrls"] {
  if (url === undefined || !URL.canParse(url)) return [];
  const { protocol, hostname } = new URL(url);
  return protocol === "http:" && !isLoopback(hostname.replace(/^\[|\]$/g, ""))
    ? [{ key, host: hostname }]
    : [];
}
