/**
 * Holdfast's core: what a worker does with its connections, free of sockets, Redis and the process.
 */

// For whoever runs a worker.
export { Core, type Seams } from "./core.js";
export type { DrainOptions } from "./drain.js";
export type { Connection } from "./connection.js";
export type { UrlConnect } from "./commands/url-connect.js";
export type { Encoding } from "./batch.js";
export {
  type NamespaceDefaults,
  type NamespaceOptions,
  Namespaces,
  SLOW_CONSUMER_POLICIES,
  type SlowConsumerPolicy,
} from "./namespace.js";
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
  type PublishOptions,
  type Retention,
} from "./broker.js";
export { MemoryBroker, MemoryBus } from "./broker-memory.js";
export { type Clock, systemClock, type Timer } from "./clock.js";
export { type Logger, silentLogger } from "./logger.js";
export {
  COUNTERS,
  type CounterName,
  HISTOGRAMS,
  type HistogramName,
  type Metrics,
  noMetrics,
} from "./metrics.js";
export { BROADCAST, channelOf, channelTopic, parseTopic, type Topic, userTopic } from "./topic.js";
export type { Framing, Mark, Message, Transport } from "./transport.js";
export type { WorkerDirectory } from "./worker-directory.js";
