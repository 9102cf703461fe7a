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

export interface Seams {
  readonly broker: Broker;
  /** Where backends are told what happens; undefined: no backend is. Closed before the broker. */
  readonly events?: EventSink | undefined;
  readonly revocations: RevocationStore;
  /**
   * The gateway's own secret, the same on all instances: goes into the cluster's keys beside the broker's.
   */
  readonly secret?: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Checks tokens; undefined: there are no keys. */
  readonly authenticator?: Authenticator | undefined;
  /** Who is where; undefined: no namespace has presence. */
  readonly presence?: PresenceStore | undefined;
  /** Asks the application; undefined: no application is asked. */
  readonly authorizer?: Authorizer | undefined;
  /** A new session id: names this worker, and is unpredictable. */
  readonly sessionId: () => string;
  /** Uniform in [0, 1), for spreading. */
  readonly random: () => number;
}
