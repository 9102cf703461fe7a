/**
 * The groups of settings in the help of `holdfast start`, in the order in which a reader wants them.
 *
 * Invariant: a setting is in one group at most; one that is in none stands at the end, and a test asks for
 * its group.
 */
import type { SettingKey } from "./schema.js";

export const SETTING_GROUPS: Readonly<Record<string, readonly SettingKey[]>> = Object.freeze({
  "Where it listens": [
    "host",
    "port",
    "workers",
    "accept",
    "engine",
    "tlsCert",
    "tlsKey",
    "tlsMinVersion",
    "adminHost",
    "adminPort",
    "adminTlsCert",
    "adminTlsKey",
    "adminKey",
    "adminReadKey",
    "adminMaxConnections",
  ],
  "Cluster and backends": [
    "redis",
    "redisSharded",
    "redisPrefix",
    "redisSubscriptions",
    "brokerWait",
    "canary",
    "advertise",
    "rebalance",
    "rebalanceRate",
    "rebalanceWeight",
    "events",
    "eventsMaxLength",
    "eventsMaxBytes",
  ],
  "Who may connect": [
    "anonymous",
    "origins",
    "jwtSecret",
    "jwtPublicKey",
    "jwksUrl",
    "jwtAudience",
    "jwtIssuer",
    "jwtLeeway",
    "tokenInUrl",
    "refreshWindow",
    "secret",
    "maxRevocations",
    "revocationTtl",
  ],
  "Asking the application": [
    "webhookConnectUrl",
    "webhookSubscribeUrl",
    "webhookPublishUrl",
    "webhookSecret",
    "webhookHeaders",
    "webhookTimeout",
    "webhookConcurrency",
    "webhookQueue",
  ],
  "Channels, history and presence": [
    "namespaces",
    "maxChannels",
    "historySize",
    "historyTtl",
    "maxReadBytes",
    "resumeWindow",
    "presenceLease",
    "presenceGrace",
    "maxJoinLeave",
  ],
  "Limits of connections": [
    "maxConnections",
    "connectionRate",
    "connectionsPerAddress",
    "connectionRatePerAddress",
    "sessionRatePerConnection",
    "sessionRatePerAddress",
    "proxyProtocol",
    "trustedProxies",
    "headTimeout",
    "maxHeadBytes",
    "maxPending",
    "maxPendingBytes",
    "backlog",
  ],
  "Limits of messages": [
    "commandRate",
    "maxPayload",
    "maxPublicationBytes",
    "publishBytesPerSecond",
    "namespacePublishBytesPerSecond",
    "messageTimeout",
    "maxUnfinishedBytes",
    "compression",
    "compressMin",
    "maxOutboxBytes",
    "maxOutboxMessages",
    "maxOutboxAge",
    "writeTimeout",
  ],
  "Keeping connections": [
    "connectTimeout",
    "pingInterval",
    "pongTimeout",
    "pollHold",
    "pollGrace",
    "streamSilence",
    "gcInterval",
  ],
  "Stop, drain and log": ["drainDelay", "drainWindow", "drainRate", "logLevel", "logFormat", "tracing"],
});

/** The heading of a setting in the help. */
export function groupOf(key: SettingKey): string {
  const found = Object.entries(SETTING_GROUPS).find(([, keys]) => keys.includes(key));
  return `${found?.[0] ?? "Other settings"}:`;
}
