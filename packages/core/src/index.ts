/**
 * Holdfast's core: what a worker does with its connections, free of sockets, Redis and the process.
 */

// For whoever runs a worker.
export { Core } from "./core.js";
export type { DrainOptions } from "./drain.js";
export { type Connection, tenthsFor } from "./connection.js";
export { TICKET_LIFETIME_S } from "./tickets.js";
export type { Seams } from "./seams.js";
export type { UrlConnect } from "./commands/url-connect.js";
export type { Encoding } from "./batch.js";
export {
  type NamespaceDefaults,
  type NamespaceOptions,
  Namespaces,
  SLOW_CONSUMER_POLICIES,
  type SlowConsumerPolicy,
} from "./namespace.js";
export {
  type ChannelCount,
  type ChannelsQuery,
  type ConnectionFacts,
  type ConnectionsQuery,
  mergeChannels,
  mergeConnections,
} from "./inspection.js";
export { historyOf, type Past } from "./past.js";
export { bySlowness, type SlowConnection } from "./slowest.js";
export { CORE_DEFAULTS, type CoreOptions } from "./options.js";

export type { Access, AccessMode } from "./access.js";
export type { Verdict } from "./authentication.js";
export { patternProblem } from "./channel-pattern.js";
export {
  ANONYMOUS,
  type Grant,
  type Identity,
  type Permission,
  VERBS,
  type Verb,
} from "./identity.js";

// The seams, for whoever implements one.
export type { Authenticator, Proof } from "./authenticator.js";
export {
  type Broker,
  type BrokerEvents,
  type BrokerState,
  BrokerUnavailable,
  type Entry,
  KEY_WINDOW_MS,
  type LogPage,
  type LogQuery,
  PAGE_BYTES,
  type PublishOptions,
  type Retention,
} from "./broker.js";
export { MemoryBroker, MemoryBus } from "./broker-memory.js";
export type {
  Admission,
  Authorizer,
  ChannelQuestion,
  Consent,
  ConnectQuestion,
  ForwardedHeaders,
  PublishQuestion,
  Refusal,
} from "./authorizer.js";
export { type EventSink, eventFields, type GatewayEvent } from "./event-sink.js";
export { MemoryEventSink } from "./event-sink-memory.js";
export {
  type ChannelOrder,
  type DisconnectOrder,
  MAX_REASON_LENGTH,
  MAX_REVOCATION_MS,
  MAX_SUBJECT_LENGTH,
  type Order,
  orderText,
  subjectOf,
} from "./order.js";
export { backendKey, clientKey, entryKey } from "./idempotency-key.js";
export { MemoryRevocations } from "./revocation-memory.js";
export {
  MAX_REVOCATIONS_PER_CALL,
  type Revocation,
  type RevocationPage,
  type RevocationStore,
  RevocationsFull,
  type Subject,
} from "./revocation-store.js";
export { type Clock, systemClock, type Timer } from "./clock.js";
export { nearest, suggestion } from "./nearest.js";
export { SparseLog } from "./sparse-log.js";
export { LimitedLogger } from "./limited-logger.js";
export { type Logger, silentLogger } from "./logger.js";
export {
  COUNTERS,
  type CounterName,
  HISTOGRAMS,
  type HistogramName,
  type Metrics,
  noMetrics,
} from "./metrics.js";
export {
  type ChangeOutcome,
  JOIN_LEAVE_MODES,
  type Lease,
  type LeaseState,
  MAX_CHANGES,
  MAX_NEWS_CHARS,
  MAX_PRESENCE_PAGE_BYTES,
  type Member,
  type PresenceChange,
  type PresencePage,
  type PresenceRule,
  type PresenceStore,
  type Transition,
} from "./presence-store.js";
export { MemoryPresence } from "./presence-memory.js";
export {
  BROADCAST,
  CONTROL,
  channelOf,
  channelTopic,
  parseTopic,
  presenceOf,
  presenceTopic,
  type Topic,
  userTopic,
} from "./topic.js";
export type { Framing, Mark, Message, Transport } from "./transport.js";
export type { WorkerDirectory } from "./worker-directory.js";
