/**
 * A worker's broker, with the seams that live where it lives: on Redis, or at the other end of the link.
 */
import type { BackendSeams } from "@holdfast/core";

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
export interface WorkerBroker extends BackendSeams {
  /** The way in for backends that must not lose anything. */
  readonly ingest: BrokerService | undefined;
}
