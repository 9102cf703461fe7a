/**
 * This worker's lease of presence: one command each third of it, however many members there are.
 *
 *     none ──begin──► held ──not renewed in time, or an outage──► none ──begin──► …
 *
 * Each time it is held anew it is another lease, under which the members are said again: what became of the
 * earlier one, or of Redis's data, need not be known. A worker that renews also learns which leases of others
 * have lapsed, and ends those: when the next one would lapse before its own turn, it looks then. Invariant:
 * at most one renewal is under way; earlier leases are ended by `settled`, or else lapse.
 */
import { BrokerUnavailable } from "../broker/broker.js";
import type { Clock, Timer } from "../runtime/clock.js";
import type { Logger } from "../runtime/logger.js";
import type { Metrics } from "../runtime/metrics.js";
import type { Lease, PresenceStore } from "./store.js";

export interface LeaseParts {
  readonly store: PresenceStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Names this worker among all that ever were. Without a dot. */
  readonly worker: string;
  /** Another lease is held: what was said under the one before has to be said again. */
  readonly begun: () => void;
}

/** Renewals in the time of a lease. */
const RENEWALS_PER_LEASE = 3;
/** How soon a renewal that failed is tried again, ms, unless the third of the lease is less. */
const RETRY_MS = 1000;
/** Time between two looks for leases that lapse, ms, at least. */
const MIN_LOOK_MS = 50;
/** Earlier leases that have yet to be ended; beyond it they lapse by themselves. */
const MAX_EARLIER = 8;

type State =
  | { readonly kind: "none" }
  | { readonly kind: "held"; readonly lease: Lease }
  | { readonly kind: "closed" };

export class PresenceLease {
  readonly #parts: LeaseParts;
  readonly #forMs: number;
  #state: State = { kind: "none" };
  #earlier: string[] = [];
  #made = 0;
  #timer: Timer | undefined;
  /** The renewal under way, and whether another has to follow at once. */
  #renewing: Promise<void> | undefined;
  #again = false;

  constructor(forMs: number, parts: LeaseParts) {
    this.#forMs = forMs;
    this.#parts = parts;
  }

  /** Under which members are said now. */
  get current(): Lease | undefined {
    return this.#state.kind === "held" ? this.#state.lease : undefined;
  }

  /** The store can be reached, for the first time or again. */
  restored(): void {
    this.#drop();
    this.#go();
  }

  /** The store has refused what was said under this lease. */
  lapsed(id: string): void {
    if (this.current?.id !== id) return;
    this.#parts.metrics.add("presence_lapses", 1);
    this.#drop();
    this.#go();
  }

  /** All members have been said under the present lease: earlier ones are over. */
  settled(): void {
    if (this.current === undefined || this.#earlier.length === 0) return;
    const earlier = this.#earlier;
    this.#earlier = [];
    void this.#endAll(earlier);
  }

  /** It is not renewed from now on; what is left under it leaves after `graceMs`. Idempotent. */
  async close(graceMs: number): Promise<void> {
    const { current } = this;
    this.#state = { kind: "closed" };
    this.#timer?.cancel();
    await this.#renewing;
    if (current === undefined) return;
    await this.#parts.store.renew(current.id, graceMs, false).catch(() => {
      // Then it lapses when it would have.
    });
  }

  /** What the present lease was is an earlier one. */
  #drop(): void {
    if (this.#state.kind !== "held") return;
    this.#earlier = [...this.#earlier, this.#state.lease.id].slice(-MAX_EARLIER);
    this.#state = { kind: "none" };
  }

  /** Renews, or begins; at once, or after the one under way. */
  #go(): void {
    if (this.#state.kind === "closed") return;
    if (this.#renewing !== undefined) {
      this.#again = true;
      return;
    }
    this.#timer?.cancel();
    this.#renewing = this.#renew().then((nextMs) => {
      this.#renewing = undefined;
      if (this.#state.kind === "closed") return;
      if (this.#again) {
        this.#again = false;
        this.#go();
      } else this.#timer = this.#parts.clock.after(nextMs, () => this.#go());
    });
  }

  /** Returns when to come again, ms. Never rejects. */
  async #renew(): Promise<number> {
    const { store, metrics, begun } = this.#parts;
    const thirdMs = this.#forMs / RENEWALS_PER_LEASE;
    const before = this.current;
    const id = before?.id ?? `${this.#parts.worker}.${++this.#made}`;
    try {
      const { held, until, lapsed, nextMs } = await store.renew(id, this.#forMs, before === undefined);
      // What was said meanwhile about the lease holds.
      const overtaken = this.current !== before || this.#state.kind === "closed";
      if (lapsed.length > 0) void this.#reap(lapsed);
      if (overtaken) return 0;
      if (!held) {
        metrics.add("presence_lapses", 1);
        this.#drop();
        return 0;
      }
      this.#state = { kind: "held", lease: { id, until } };
      if (before === undefined) begun();
      return Math.max(MIN_LOOK_MS, Math.min(thirdMs, nextMs ?? thirdMs));
    } catch (error) {
      this.#failed(error, "could not renew the lease of presence");
      return Math.min(RETRY_MS, thirdMs);
    }
  }

  async #reap(leases: readonly string[]): Promise<void> {
    this.#parts.logger.info({ leases: leases.length }, "taking out the members of workers that are gone");
    this.#parts.metrics.add("presence_reaped", leases.length);
    await this.#endAll(leases);
  }

  /** What fails is given out once more by the store. */
  async #endAll(leases: readonly string[]): Promise<void> {
    for (const lease of leases) {
      try {
        await this.#parts.store.end(lease);
      } catch (error) {
        this.#failed(error, "could not end a lease of presence");
      }
    }
  }

  #failed(error: unknown, what: string): void {
    // That the broker is away it says itself.
    const { logger } = this.#parts;
    if (error instanceof BrokerUnavailable) logger.debug({ reason: error.message }, what);
    else logger.error({ err: error }, what);
  }
}
