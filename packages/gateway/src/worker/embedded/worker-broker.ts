/**
 * A worker's broker, with the seams that live where it lives: on Redis, or at the other end of the link.
 */
import type { Broker, EventSink, PresenceStore, RevocationStore, WorkerDirectory } from "@holdfast/core";

/** Works beside a broker, over its link, from when core has started until the worker drains or ends. */
export interface BrokerService {
  start(): void;
  /** Ends what is under way. Idempotent. */
  close(): Promise<void>;
}

/**
 * The broker, and the seams that live where it lives. With the embedded broker all of them are at the other
 * end of the link (worker/embedded.ts): what is added here is added there.
 */
export interface WorkerBroker {
  readonly broker: Broker;
  readonly revocations: RevocationStore;
  /** The way in for backends that must not lose anything. */
  readonly ingest: BrokerService | undefined;
  /** Who is where. */
  readonly presence?: PresenceStore | undefined;
  /** Which instance each worker of the cluster is of; undefined where there is one instance. */
  readonly directory?: WorkerDirectory | undefined;
  /** Where backends are told what happens; undefined: no backend is. */
  readonly events?: EventSink | undefined;
}
