/**
 * The seams: what core is given from outside, each an interface in a file of its own.
 */
import type { Authenticator } from "./access/authenticator.js";
import type { Authorizer } from "./access/authorizer.js";
import type { RevocationStore } from "./access/revocation-store.js";
import type { Broker } from "./broker/broker.js";
import type { EventSink } from "./events/event-sink.js";
import type { PresenceStore } from "./presence/store.js";
import type { Clock } from "./runtime/clock.js";
import type { Logger } from "./runtime/logger.js";
import type { Metrics } from "./runtime/metrics.js";
import type { WorkerDirectory } from "./worker-directory.js";

/**
 * What joins the workers: a broker, and the seams that live where it lives. Memory (the primary's, over a
 * link) and Redis are two; another implements the same, and passes `backendContract`.
 */
export interface Backend {
  readonly broker: Broker;
  readonly revocations: RevocationStore;
  /** Who is where; undefined: no namespace has presence. */
  readonly presence?: PresenceStore | undefined;
  /** Where applications are told what happens; undefined: none is. Closed before the broker. */
  readonly events?: EventSink | undefined;
  /** Which instance each worker of the cluster is of; undefined where there is one instance. */
  readonly directory?: WorkerDirectory | undefined;
}

export interface Seams extends Omit<Backend, "directory"> {
  /**
   * The gateway's own secret, the same on all instances: goes into the cluster's keys beside the broker's.
   */
  readonly secret?: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Checks tokens; undefined: there are no keys. */
  readonly authenticator?: Authenticator | undefined;
  /** Asks the application; undefined: no application is asked. */
  readonly authorizer?: Authorizer | undefined;
  /** A new session id: names this worker, and is unpredictable. */
  readonly sessionId: () => string;
  /** Uniform in [0, 1), for spreading. */
  readonly random: () => number;
}
