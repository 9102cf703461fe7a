/**
 * Holdfast's core: what a worker does with its connections, free of sockets, Redis and the process.
 */

// For programs that run a worker.
export { Core } from "./core.js";
export type { DrainOptions } from "./connection/drain.js";
export type { ShedOrder } from "./connection/shedding.js";
export type { Connection } from "./connection/connection.js";
export { type BareFrames, tenthsFor } from "./connection/intake.js";
export { TICKET_LIFETIME_S } from "./access/tickets.js";
export type { Backend, BackendDescription, BackendSeams, Seams } from "./seams.js";
export type { UrlConnect } from "./connection/url-connect.js";
export { Codec, type CodecOptions, type Dialect } from "./codec/codec.js";
export { CODEC_ROWS, type CodecName, type CodecRow, codecs, rowFor, subprotocolOf } from "./codec/codecs.js";
export { holdfastDialect } from "./codec/holdfast-dialect.js";
export { rawDialect } from "./codec/raw-dialect.js";
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
} from "./control/inspection.js";
export { readHistoryPage, type Past } from "./history/history-page.js";
export type { ConnectionReport, ReportQuery, SubscriptionReport } from "./control/connection-report.js";
export type { Inspector, Question } from "./control/inspector.js";
export type { AddressPage, AddressQuery } from "./control/address-search.js";
export { bySlowness, type SlowConnection } from "./control/slowest.js";
export { type BusyChannel, mergeSurveys, type Survey, type WideSession } from "./control/survey.js";
export {
  type Incident,
  type IncidentCount,
  type IncidentFacts,
  type IncidentKind,
  Incidents,
  type IncidentsQuery,
  mergeIncidentCounts,
  mergeIncidents,
} from "./runtime/incidents.js";
export { CORE_DEFAULTS, type CoreOptions } from "./options.js";

export type { Access, AccessMode } from "./access/access.js";
export type { Verdict } from "./access/authentication.js";
export { patternProblem } from "./access/channel-pattern.js";
export {
  ANONYMOUS,
  type Grant,
  type Identity,
  type Permission,
  VERBS,
  type Verb,
} from "./access/identity.js";

// The seams, for their implementers.
export type { Authenticator, Proof } from "./access/authenticator.js";
export {
  type ApartStates,
  BROKER_PARTS,
  type Broker,
  type BrokerEvents,
  type BrokerPart,
  type BrokerState,
  BrokerUnavailable,
  type Entry,
  KEY_WINDOW_MS,
  type LogPage,
  type LogQuery,
  PAGE_BYTES,
  partsAway,
  stateOf,
  type BrokerPublishOptions,
  type Retention,
} from "./broker/broker.js";
export type {
  OwnSubscriptions,
  SharedLink,
  SharingEvents,
  SubscriptionSharing,
} from "./broker/subscription-sharing.js";
export { MemoryBroker, MemoryBus } from "./broker/broker-memory.js";
export type {
  ConnectConsent,
  Authorizer,
  ChannelQuestion,
  Consent,
  ConnectQuestion,
  ForwardedHeaders,
  PublishQuestion,
  Refusal,
} from "./access/authorizer.js";
export { type EventSink, eventFields, type GatewayEvent } from "./events/event-sink.js";
export { MemoryEventSink } from "./events/event-sink-memory.js";
export {
  type ChannelOrder,
  type DisconnectOrder,
  MAX_REASON_LENGTH,
  MAX_REVOCATION_MS,
  MAX_SUBJECT_LENGTH,
  type ControlMessage,
  orderText,
  subjectOf,
} from "./access/control-message.js";
export { backendKey, clientKey, entryKey } from "./access/idempotency-key.js";
export { MemoryRevocations } from "./access/revocation-memory.js";
export {
  MAX_REVOCATIONS_PER_CALL,
  type Revocation,
  type RevocationPage,
  type RevocationStore,
  RevocationsFull,
  type Subject,
} from "./access/revocation-store.js";
export { type Clock, systemClock, type Timer } from "./runtime/clock.js";
export { didYouMean, suggestion } from "./runtime/did-you-mean.js";
export { FairQueue } from "./runtime/fair-queue.js";
export { FairTurns, type TurnLimits, TurnRefused } from "./runtime/fair-turns.js";
export { SparseLog } from "./runtime/sparse-log.js";
export { LimitedLogger } from "./runtime/limited-logger.js";
export { type Logger, silentLogger } from "./runtime/logger.js";
export {
  COUNTERS,
  type CounterName,
  HISTOGRAMS,
  type HistogramName,
  type Metrics,
  noMetrics,
} from "./runtime/metrics.js";
export {
  beginSpan,
  publishTraced,
  type SpanFacts,
  type SpanName,
  type TraceSpan,
  type Tracing,
} from "./runtime/tracing.js";
export {
  type ChangeOutcome,
  JOIN_LEAVE_MODES,
  type Lease,
  type LeaseState,
  MAX_CHANGES,
  MAX_NEWS_CHARS,
  MAX_PRESENCE_PAGE_BYTES,
  type StoredMember,
  type PresenceChange,
  type MembersPage,
  type PresenceStore,
  type Transition,
} from "./presence/store.js";
export { MemoryPresence } from "./presence/memory.js";
export {
  BROADCAST,
  CANARY,
  CONTROL,
  channelOf,
  channelTopic,
  parseTopic,
  presenceOf,
  presenceTopic,
  type Topic,
  userTopic,
} from "./broker/topic.js";
export type { FrameRun, Framing, Mark, Message, Transport } from "./delivery/transport.js";
export type { InstanceLoads, SaidLoad } from "./instance-loads.js";
export type { WorkerDirectory } from "./worker-directory.js";
export type { PresenceRule } from "./namespace.js";
/** Names before the renaming of issue 13. */
export type {
  /** @deprecated Use `CodecName`. */
  CodecName as Encoding,
} from "./codec/codecs.js";
export type {
  /** @deprecated Use `ConnectConsent`. */
  ConnectConsent as Admission,
} from "./access/authorizer.js";
export type {
  /** @deprecated Use `BrokerPublishOptions`. */
  BrokerPublishOptions as PublishOptions,
} from "./broker/broker.js";
export type {
  /** @deprecated Use `StoredMember`. */
  StoredMember as Member,
  /** @deprecated Use `MembersPage`. */
  MembersPage as PresencePage,
} from "./presence/store.js";
export type {
  /** @deprecated Use `ControlMessage`. */
  ControlMessage as Order,
} from "./access/control-message.js";
export {
  /** @deprecated Use `readHistoryPage`. */
  readHistoryPage as historyOf,
} from "./history/history-page.js";
export {
  /** @deprecated Use `didYouMean`. */
  didYouMean as nearest,
} from "./runtime/did-you-mean.js";
