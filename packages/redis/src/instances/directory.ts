/**
 * The worker directory on Redis: one key for each worker, under a lease.
 *
 * One command per worker and third of a lease, however many sessions it has. Invariant: a worker that is gone
 * without a word is forgotten within one lease, and one whose Redis was away is there again with the first
 * renewal after it.
 */
import type { Clock, WorkerDirectory } from "@holdfast/core";
import type { ScriptCall } from "../connection/script.js";
import { SCRIPTS } from "../connection/script.js";
import type { ScriptHost } from "../connection/script-host.js";
import type { RedisKeys } from "../keys.js";
import { pause } from "../runtime/pause.js";

const LEASE_MS = 15_000;
const RENEWALS_PER_LEASE = 3;
/** After a renewal that failed, ms. */
const RETRY_MS = 1_000;

export class RedisDirectory implements WorkerDirectory {
  readonly #host: ScriptHost;
  readonly #keys: RedisKeys;
  readonly #clock: Clock;
  readonly #leaseMs: number;
  readonly #closing = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(host: ScriptHost, keys: RedisKeys, clock: Clock, leaseMs = LEASE_MS) {
    this.#host = host;
    this.#keys = keys;
    this.#clock = clock;
    this.#leaseMs = leaseMs;
  }

  announce(worker: string, entry: () => string | undefined): void {
    this.#running = this.#run([this.#keys.worker(worker)], entry);
  }

  async find(worker: string): Promise<string | undefined> {
    const call = { script: SCRIPTS.directoryFind, keys: [this.#keys.worker(worker)], args: [] };
    return this.#host.ask(call, (reply) => (typeof reply === "string" ? reply : undefined));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  /** Never rejects: that Redis is away the connection says itself. */
  async #run(keys: readonly string[], entry: () => string | undefined): Promise<void> {
    const { signal } = this.#closing;
    let last: string | undefined;
    while (!signal.aborted) {
      const said = entry();
      if (said !== undefined) last = said;
      const renewed = said !== undefined && (await this.#announced(keys, said));
      await pause(this.#clock, renewed ? this.#leaseMs / RENEWALS_PER_LEASE : RETRY_MS, signal);
    }
    if (last !== undefined) await this.#done({ script: SCRIPTS.directoryWithdraw, keys, args: [last] });
  }

  #announced(keys: readonly string[], entry: string): Promise<boolean> {
    return this.#done({ script: SCRIPTS.directoryAnnounce, keys, args: [entry, String(this.#leaseMs)] });
  }

  #done(call: ScriptCall): Promise<boolean> {
    return this.#host.ask(call, () => true).catch(() => false);
  }
}
