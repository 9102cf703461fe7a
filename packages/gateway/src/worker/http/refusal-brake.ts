/**
 * The refusal brake: refusals that come fast are said late, so that a client that comes back at once is
 * slowed down.
 *
 * Plain WebSocket clients ignore why they were refused and try again, some without a pause. The first
 * refusals are said at once; those beyond the rate wait `delayMs`, with their sockets. Whom a refusal is for
 * makes no difference: a client that does not come back loses nothing by hearing it late, and addresses need
 * not be known. Invariants: each refusal is said once, unless it was released; at most `maxHeld` wait:
 * beyond, the one that has waited longest is said, so that a flood of refusals shortens the wait instead of
 * filling memory with sockets. The map is in order of deadlines.
 */
import type { Clock, Timer } from "@holdfast/core";
import { TokenBucket } from "../../runtime/token-bucket.js";

export interface BrakeLimits {
  /** Refusals a second that are said at once, sustained; twice that in a burst. */
  readonly perSecond: number;
  readonly delayMs: number;
  readonly maxHeld: number;
}

export const BRAKE_LIMITS: BrakeLimits = Object.freeze({ perSecond: 10, delayMs: 2_000, maxHeld: 1_024 });

const SWEEP_INTERVAL_MS = 500;

interface Held {
  readonly since: number;
  say(): void;
}

/** What an owner of sockets asks of a brake. */
export type BrakeOf<Owner extends object> = Pick<
  RefusalBrake<Owner>,
  "refuse" | "hurry" | "release" | "close"
>;

export class RefusalBrake<Owner extends object = object> {
  readonly #clock: Clock;
  readonly #delayed: () => void;
  readonly #limits: BrakeLimits;
  readonly #bucket: TokenBucket;
  readonly #held = new Map<Owner, Held>();
  readonly #timer: Timer;

  /** `delayed` is called for each refusal that waits. */
  constructor(clock: Clock, delayed: () => void, limits = BRAKE_LIMITS) {
    this.#clock = clock;
    this.#delayed = delayed;
    this.#limits = limits;
    this.#bucket = new TokenBucket(limits.perSecond, clock.monotonic());
    this.#timer = clock.every(SWEEP_INTERVAL_MS, () => this.#sweep());
  }

  /** Refusals that wait. */
  get size(): number {
    return this.#held.size;
  }

  /** Calls `say` now or later; once for each owner. */
  refuse(owner: Owner, say: () => void): void {
    const since = this.#clock.monotonic();
    if (this.#bucket.has(since)) {
      this.#bucket.take(since);
      return say();
    }
    if (this.#held.size >= this.#limits.maxHeld) this.#sayOldest();
    this.#held.set(owner, { since, say });
    this.#delayed();
  }

  /** Says now what waits. */
  hurry(owner: Owner): void {
    const held = this.#held.get(owner);
    this.#held.delete(owner);
    held?.say();
  }

  /** The owner is gone: nothing is said. */
  release(owner: Owner): void {
    this.#held.delete(owner);
  }

  /** Says all that waits, and keeps no time any more. Idempotent. */
  close(): void {
    this.#timer.cancel();
    for (const owner of this.#held.keys()) this.hurry(owner);
  }

  #sayOldest(): void {
    for (const oldest of this.#held.keys()) return this.hurry(oldest);
  }

  #sweep(): void {
    const due = this.#clock.monotonic() - this.#limits.delayMs;
    for (const [owner, { since }] of this.#held) {
      if (since > due) return;
      this.hurry(owner);
    }
  }
}
