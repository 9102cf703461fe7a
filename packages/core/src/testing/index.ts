/**
 * What tests of other packages need: contract suites of the seams, and doubles. Not for production.
 */

// Contract suites, for implementers of a seam.
export { type BackendWorlds, backendContract } from "./backend-contract.js";
export { brokerContract } from "./broker-contract.js";
export { brokerLogContract, type LogWorld } from "./broker-log-contract.js";
export { brokerOutageContract, type FallibleBrokerWorld } from "./broker-outage-contract.js";
export type { BrokerWorld } from "./broker-world.js";
export { dialectContract, encodingContract, type Spoken } from "./codec-contract.js";
export { type EventSinkWorld, eventSinkContract } from "./event-sink-contract.js";
export { presenceContract } from "./presence-contract/presence-contract.js";
export type { PresenceWorld } from "./presence-contract/presence-world.js";
export { type RevocationWorld, revocationContract } from "./revocation-contract.js";
export { type SharedSecretWorld, sharedSecretContract } from "./shared-secret-contract.js";
export { type TransportUnderTest, transportContract } from "./transport-contract.js";

// Doubles.
export { BrokerListener, type ReceivedPublication } from "./broker-listener.js";
export { CoreWorld, FakeClient, memoryRevocations, memoryWorld } from "./core-world.js";
export { FakeClock, runPromises } from "./fake-clock.js";
export { type FakeEnd, FakeTransport, TextFraming, textFraming } from "./fake-transport.js";
export { schemaProblem } from "./json-schema.js";
export { type LogLine, RecordingLogger } from "./recording-logger.js";
export { RecordingMetrics } from "./recording-metrics.js";
export { type RecordedSpan, RecordingTracing } from "./recording-tracing.js";
export { ScriptedAuthenticator } from "./scripted-authenticator.js";
export { type AskedQuestion, ScriptedAuthorizer } from "./scripted-authorizer.js";
export { type BrokerCall, ScriptedBroker } from "./scripted-broker.js";
