/**
 * Ladder: which transport to try next. From the best rung to the one that passes everywhere, and back up when
 * it may.
 *
 * What falls: a rung that never brought a connect reply in this client's life gives way at once; one that
 * has, only after `MAX_FAILURES` attempts in a row, since then it is more likely the server that is away; and
 * one whose connections are cut `MAX_CUTS` times in a row without a word, each before `SHORT_MS`, as by a
 * proxy that ends long answers. Invariants: whatever happens, there is a rung; a climb that falls at once
 * leads back to where it came from, and doubles the wait before the next one, up to `MAX_CLIMB_MS`.
 */
import type { TransportStorage } from "../options.js";
import type { TransportName } from "../transports/transport.js";

/** Attempts in a row that may fail on a rung that has worked before. */
const MAX_FAILURES = 3;
/** Short connections in a row that make a rung give way. */
const MAX_CUTS = 3;
/** A connection that lasted so long was not cut by a proxy's limit, ms. */
const SHORT_MS = 60_000;
/** The first wait before a climb, ms; it doubles up to the longest. */
const MIN_CLIMB_MS = 30_000;
const MAX_CLIMB_MS = 1_800_000;

const KEY = "holdfast.transport";

export class TransportChoice {
  readonly #rungs: readonly TransportName[];
  readonly #storage: TransportStorage | undefined;
  #at: number;
  /** Whether the rung has worked in this client's life. */
  #proven = false;
  #failures = 0;
  #cuts = 0;
  #climbs = 0;
  /** Where the climb came from that has yet to prove itself. */
  #from: number | undefined;

  /** `rungs` has one at least. */
  constructor(rungs: readonly TransportName[], storage: TransportStorage | undefined) {
    this.#rungs = rungs;
    this.#storage = storage;
    this.#at = Math.max(0, rungs.indexOf(remembered(storage) as TransportName));
  }

  get current(): TransportName {
    return this.#rungs[this.#at] as TransportName;
  }

  /** Whether another rung may do what this one does not. */
  get doubted(): boolean {
    return !this.#proven && this.#rungs.length > 1;
  }

  /** The connect reply came. */
  worked(): void {
    this.#proven = true;
    this.#failures = 0;
    try {
      this.#storage?.setItem(KEY, this.current);
    } catch {
      // Full, or not allowed: then it is not remembered.
    }
  }

  /** An attempt got no connect reply. True when the next rung may be tried at once. */
  failed(): boolean {
    if (this.#from !== undefined) return this.#fallBack();
    this.#failures++;
    if (this.#proven && this.#failures < MAX_FAILURES) return false;
    this.#at = (this.#at + 1) % this.#rungs.length;
    return !this.#proven && this.#failures % this.#rungs.length !== 0;
  }

  /** A connection was lost without a word after `livedMs`. */
  lost(livedMs: number): void {
    if (livedMs >= SHORT_MS) this.#settle();
    else if (this.#from !== undefined) this.#fallBack();
    else if (++this.#cuts >= MAX_CUTS) {
      this.#cuts = 0;
      this.#at = Math.min(this.#at + 1, this.#rungs.length - 1);
    }
  }

  /** How long to wait before the next climb, ms; undefined at the top. `random` is uniform in [0, 1). */
  climbAfter(random: number): number | undefined {
    if (this.#at === 0) return undefined;
    return Math.min(MAX_CLIMB_MS, MIN_CLIMB_MS * 2 ** this.#climbs) * (0.5 + random / 2);
  }

  /** The rung to climb to: the best one, and every other time the one just above. */
  get above(): TransportName {
    return this.#rungs[this.#climbs % 2 === 0 ? 0 : this.#at - 1] as TransportName;
  }

  /** The climb to `above` was tried, with or without success. */
  climbed(success: boolean): void {
    if (success) {
      this.#from = this.#at;
      this.#at = this.#rungs.indexOf(this.above);
    }
    this.#climbs = Math.min(this.#climbs + 1, 16);
  }

  /** The climb has failed: back, at once. */
  #fallBack(): true {
    this.#at = this.#from ?? this.#at;
    this.#from = undefined;
    return true;
  }

  /** A connection has lasted. */
  #settle(): void {
    this.#cuts = 0;
    if (this.#from !== undefined) this.#climbs = 0;
    this.#from = undefined;
  }
}

function remembered(storage: TransportStorage | undefined): string | null | undefined {
  try {
    return storage?.getItem(KEY);
  } catch {
    return undefined;
  }
}
