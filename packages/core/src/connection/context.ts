/**
 * What every connection of a worker shares: options, seams and the parts of core. Made once by `Core`.
 */
import type { Access } from "../access/access.js";
import type { ApplicationChecks } from "../access/application-checks.js";
import type { Authentication } from "../access/authentication.js";
import type { Revocations } from "../access/revocations.js";
import type { Broker } from "../broker/broker.js";
import type { EventSink } from "../events/event-sink.js";
import type { StreamReader } from "../history/stream-reader.js";
import type { Hub } from "../hub/hub.js";
import type { OutageGaps } from "../hub/outage-gaps.js";
import type { CoreOptions } from "../options.js";
import type { WorkerPresence } from "../presence/presence.js";
import type { Clock } from "../runtime/clock.js";
import type { FairTurns } from "../runtime/fair-turns.js";
import type { SparseLog } from "../runtime/sparse-log.js";
import type { Tracing } from "../runtime/tracing.js";
import type { ConnectionParts } from "./connection.js";
import type { Detached } from "./detached.js";
import type { Expiries } from "./expiries.js";
import type { PublishRate } from "./publish-rate.js";
import type { Registry } from "./registry.js";
import type { Shedding } from "./shedding.js";

export interface Context extends ConnectionParts {
  readonly options: CoreOptions;
  readonly access: Access;
  readonly authentication: Authentication;
  readonly expiries: Expiries;
  /** The application, where tokens and namespaces do not say enough. */
  readonly applicationChecks: ApplicationChecks;
  readonly broker: Broker;
  /** Undefined: no backend is told. */
  readonly events: EventSink | undefined;
  readonly hub: Hub;
  readonly outageGaps: OutageGaps;
  readonly streamReader: StreamReader;
  readonly detached: Detached;
  /** Undefined where no namespace has it. */
  readonly presence: WorkerPresence | undefined;
  readonly revocations: Revocations;
  readonly registry: Registry;
  readonly publishRate: PublishRate;
  readonly shedding: Shedding;
  /** Reads of clients, in turns of their connections. */
  readonly reads: FairTurns;
  readonly clock: Clock;
  /** Undefined: there are no spans. */
  readonly tracing: Tracing | undefined;
  /** What clients get wrong. */
  readonly sparseLog: SparseLog;
}
