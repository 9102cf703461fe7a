/**
 * Unfinished messages: what a worker holds of WebSocket messages and request bodies whose rest has not come.
 *
 * Each has a deadline, and all together a budget of bytes: at the budget the one that has waited longest is
 * given up, so that clients that begin messages and never end them hold each other's room and no other
 * client's. One sweep for all, no timer each. Invariants: the map is in order of beginning; `bytes` is the
 * sum of what is held and never above the budget after a call.
 */
import type { Clock, Timer } from "@holdfast/core";

/** Where a message is awaited. */
export interface Unfinished {
  /** Its rest is awaited no longer; `why` is a sentence for its client. */
  abandon(why: string): void;
}

export interface UnfinishedLimits {
  /** How long one may take from its first byte to its last, ms. */
  readonly timeoutMs: number;
  /** Bytes that all together may take. */
  readonly maxBytes: number;
}

interface Entry {
  bytes: number;
  readonly since: number;
}

const SWEEP_INTERVAL_MS = 1_000;
const LATE = "The rest of a message did not come in time.";
const LEAVING = "The worker goes away.";
const CROWDED = "Too many messages wait for their rest.";

export class UnfinishedMessages {
  readonly #limits: UnfinishedLimits;
  readonly #clock: Clock;
  readonly #ended: () => void;
  readonly #entries = new Map<Unfinished, Entry>();
  readonly #timer: Timer;
  #bytes = 0;

  /** `ended` is called for each that is given up. */
  constructor(limits: UnfinishedLimits, clock: Clock, ended: () => void = () => {}) {
    this.#limits = limits;
    this.#clock = clock;
    this.#ended = ended;
    this.#timer = clock.every(SWEEP_INTERVAL_MS, () => this.#sweep());
  }

  /** Bytes that are held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** So many bytes are held for it now. `isNew`: of a message that has just begun. */
  hold(message: Unfinished, bytes: number, isNew: boolean): void {
    let entry = this.#entries.get(message);
    if (entry === undefined || isNew) {
      this.release(message);
      entry = { bytes: 0, since: this.#clock.monotonic() };
      this.#entries.set(message, entry);
    }
    this.#bytes += bytes - entry.bytes;
    entry.bytes = bytes;
    if (this.#bytes > this.#limits.maxBytes) this.#makeRoom();
  }

  /** It is complete, or gone. */
  release(message: Unfinished): void {
    const entry = this.#entries.get(message);
    if (entry === undefined) return;
    this.#entries.delete(message);
    this.#bytes -= entry.bytes;
  }

  /** Gives up all, and watches no more. Idempotent. */
  close(): void {
    this.#timer.cancel();
    for (const each of this.#entries.keys()) this.#giveUp(each, LEAVING);
  }

  #makeRoom(): void {
    for (const each of this.#entries.keys()) {
      this.#giveUp(each, CROWDED);
      if (this.#bytes <= this.#limits.maxBytes) return;
    }
  }

  #sweep(): void {
    const oldest = this.#clock.monotonic() - this.#limits.timeoutMs;
    for (const [each, { since }] of this.#entries) {
      if (since > oldest) return;
      this.#giveUp(each, LATE);
    }
  }

  #giveUp(message: Unfinished, why: string): void {
    this.release(message);
    this.#ended();
    message.abandon(why);
  }
}
