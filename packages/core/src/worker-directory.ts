/**
 * The directory seam: which instance a worker is of, for requests of its sessions that reach another
 * instance.
 *
 * A worker is named as in the ids of its sessions (`ownerPrefix`). An implementer owes: what was announced is
 * found by every worker of the cluster soon after, and no longer soon after its announcer was closed or has
 * died. What is found may be out of date: a caller that goes there must be ready to be refused.
 */
export interface WorkerDirectory {
  /**
   * From now on keeps an entry for `worker`, also across outages. `entry` is asked each time; while it is
   * undefined nothing is kept. Called once.
   */
  announce(worker: string, entry: () => string | undefined): void;
  /**
   * The worker's entry, as any writer of the directory left it; undefined when there is none. Rejects with
   * `BrokerUnavailable`.
   */
  find(worker: string): Promise<string | undefined>;
  /** Takes back what was announced. Never rejects. Idempotent. */
  close(): Promise<void>;
}
