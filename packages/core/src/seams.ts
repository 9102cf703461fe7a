/**
 * The seams: what core is given from outside, each an interface in a file of its own.
 */
import type { Authenticator } from "./access/authenticator.js";
import type { Authorizer } from "./access/authorizer.js";
import type { RevocationStore } from "./access/revocation-store.js";
import type { Broker } from "./broker/broker.js";
import type { SubscriptionSharing } from "./broker/subscription-sharing.js";
import type { EventSink } from "./events/event-sink.js";
import type { InstanceLoads } from "./instance-loads.js";
import type { PresenceStore } from "./presence/store.js";
import type { Clock } from "./runtime/clock.js";
import type { Logger } from "./runtime/logger.js";
import type { Metrics } from "./runtime/metrics.js";
import type { Tracing } from "./runtime/tracing.js";
import type { WorkerDirectory } from "./worker-directory.js";

/**
 * What joins the workers, as one process has it: a broker, and the seams that live where it lives. Memory
 * (the primary's, over a link) and Redis are two; another implements the same, and passes `backendContract`.
 */
export interface BackendSeams {
  readonly broker: Broker;
  /**
   * A secret shared by all workers on this backend, 32 random bytes as text: made for the first worker that
   * asks. Rejects with `BrokerUnavailable`.
   */
  readonly sharedSecret: () => Promise<string>;
  readonly revocations: RevocationStore;
  /** Who is where; undefined: no namespace has presence. */
  readonly presence?: PresenceStore | undefined;
  /** Where applications are told what happens; undefined: none is. Closed before the broker. */
  readonly events?: EventSink | undefined;
  /** Which instance each worker of the cluster is of; undefined where there is one instance. */
  readonly directory?: WorkerDirectory | undefined;
  /** What each instance of the cluster carries; undefined where there is one instance. */
  readonly loads?: InstanceLoads | undefined;
}

/**
 * A kind of backend with its settings, as the program chooses it. One implementation joins the workers of one
 * instance, another those of many; no other part asks which it is. Making one begins nothing.
 */
export interface Backend<Primary = BackendSeams, Worker = BackendSeams> {
  /** For the operator and the log. */
  describe(): BackendDescription;
  /** What the primary uses, and serves to its workers. Called once, in the primary. */
  primary(): Primary;
  /**
   * What a worker uses; undefined: what the primary serves, at the other end of the link. Called once in each
   * worker. `sharing`: the workers of the instance with which its subscriptions are shared.
   */
  worker(metrics: Metrics, sharing?: SubscriptionSharing): Worker | undefined;
}

/** Without passwords. */
export interface BackendDescription {
  /** Where it is, as `redis://10.0.0.1:6379`, or `embedded`. */
  readonly name: string;
  /** The same within a sentence, as `broker redis://10.0.0.1:6379`. */
  readonly phrase: string;
}

export interface Seams extends Omit<BackendSeams, "directory" | "loads"> {
  /**
   * The gateway's own secret, the same on all instances: goes into the cluster's keys beside the shared one.
   */
  readonly secret?: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Where spans go; undefined: there are none. */
  readonly tracing?: Tracing | undefined;
  /** Checks tokens; undefined: there are no keys. */
  readonly authenticator?: Authenticator | undefined;
  /** Asks the application; undefined: no application is asked. */
  readonly authorizer?: Authorizer | undefined;
  /** A new session id: names this worker, and is unpredictable. */
  readonly sessionId: () => string;
  /** Uniform in [0, 1), for spreading. */
  readonly random: () => number;
}
