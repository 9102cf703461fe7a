/**
 * The record of starts: how soon the next worker of a slot may start, and when starting is hopeless.
 *
 * A slot's back-off doubles with each life that ended soon after its start. Starts in a row that ended before
 * `ready` count over all slots, and only while no worker serves: while others serve, a slot may fail for as
 * long as it likes. Invariant: one worker that becomes ready clears the count of failed starts.
 */

/**
 * Starts in a row that ended before `ready`, over all slots, after which an instance without workers gives
 * up.
 */
const MAX_FAILED_STARTS = 5;
const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 10_000;
/** The longest back-off while no worker is ready: no client is served then. */
const MAX_BACKOFF_ALONE_MS = 500;
/** A worker that lived this long ended for a new reason: its slot's back-off begins anew. */
const STABLE_AFTER_MS = 30_000;

export class StartRecord {
  /** Ends in a row per slot, each soon after its start. */
  readonly #shortLives: number[];
  #failedStarts = 0;

  constructor(slots: number) {
    this.#shortLives = Array.from({ length: slots }, () => 0);
  }

  /** Whether an instance without workers should give up. */
  get isHopeless(): boolean {
    return this.#failedStarts >= MAX_FAILED_STARTS;
  }

  /** A worker has become ready. */
  ready(): void {
    this.#failedStarts = 0;
  }

  /** A successor has the slot's place: what ended there before says nothing of it. */
  succeeded(slot: number): void {
    this.#shortLives[slot] = 0;
  }

  /** The slot's worker has ended after this long. */
  ended(slot: number, livedMs: number): void {
    this.#shortLives[slot] = livedMs > STABLE_AFTER_MS ? 0 : (this.#shortLives[slot] ?? 0) + 1;
  }

  /** A start has failed. `isAlone`: no worker serves. */
  failed(isAlone: boolean): void {
    this.#failedStarts = isAlone ? this.#failedStarts + 1 : 0;
  }

  /** How long to wait before the slot's next start, ms. */
  backoffMs(slot: number, isAlone: boolean): number {
    const longestMs = isAlone ? MAX_BACKOFF_ALONE_MS : MAX_BACKOFF_MS;
    return Math.min(longestMs, backoff(this.#shortLives[slot] ?? 0));
  }
}

/** 100 ms after a stable life or the first short one, then doubling, without a bound. */
function backoff(shortLives: number): number {
  return MIN_BACKOFF_MS * 2 ** Math.max(0, shortLives - 1);
}
