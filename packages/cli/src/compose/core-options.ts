/**
 * Settings → the options of core.
 */
import { CORE_DEFAULTS, type CoreOptions } from "@holdfast/core";
import type { CompleteSettings } from "../config/complete.js";
import { knowsClients } from "../config/known-clients.js";
import type { Settings } from "../config/schema.js";

export function coreOptions(settings: CompleteSettings): CoreOptions {
  return {
    pingIntervalMs: settings.pingInterval,
    pongTimeoutMs: settings.pongTimeout,
    connectTimeoutMs: settings.connectTimeout,
    maxPayload: settings.maxPayload,
    maxOutboxBytes: settings.maxOutboxBytes,
    maxOutboxMessages: settings.maxOutboxMessages,
    maxOutboxAgeMs: settings.maxOutboxAge,
    maxChannels: settings.maxChannels,
    commandRate: settings.commandRate,
    maxPublicationBytes: settings.maxPublicationBytes,
    maxReadBytes: settings.maxReadBytes,
    publishBytesPerSecond: settings.publishBytesPerSecond,
    namespacePublishBytesPerSecond: settings.namespacePublishBytesPerSecond,
    fanOutSliceMs: CORE_DEFAULTS.fanOutSliceMs,
    historySize: settings.historySize,
    compressMin: settings.compressMin,
    historyTtlMs: settings.historyTtl,
    resumeWindowMs: settings.resumeWindow,
    presenceLeaseMs: settings.presenceLease,
    presenceGraceMs: settings.presenceGrace,
    maxJoinLeave: settings.maxJoinLeave,
    maxDetached: CORE_DEFAULTS.maxDetached,
    maxRecovered: CORE_DEFAULTS.maxRecovered,
    maxTailChars: CORE_DEFAULTS.maxTailChars,
    positionCheckMs: CORE_DEFAULTS.positionCheckMs,
    revocationTtlMs: settings.revocationTtl,
    clockLeewayMs: settings.jwtLeeway,
    access: isPrivate(settings) ? "private" : "open",
    // Where nothing can say who a client is, none has to.
    anonymous: settings.anonymous || (isPrivate(settings) && !knowsClients(settings)),
    refreshWindowMs: settings.refreshWindow,
    surveyShare: CORE_DEFAULTS.surveyShare / settings.workers,
    namespaces: namespaceOptions(settings),
  };
}

function isPrivate(settings: Settings): boolean {
  return knowsClients(settings) || settings.webhookSubscribeUrl !== undefined;
}

function namespaceOptions({ namespaces }: CompleteSettings): CoreOptions["namespaces"] {
  return Object.fromEntries(
    Object.entries(namespaces).map(([name, { historyTtl, ...rest }]) => [
      name,
      { ...rest, ...(historyTtl !== undefined && { historyTtlMs: historyTtl }) },
    ]),
  );
}
