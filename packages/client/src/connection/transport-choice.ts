/**
 * Transport choice: which transport to try next. The list goes from the best one (WebSocket) to the one that
 * passes everywhere (poll).
 *
 * When the next transport down the list is taken:
 * - at once, if this transport has never brought a connect reply in this client's life;
 * - after `MAX_FAILURES` failed attempts in a row, if it has: then the server is more likely to be away;
 * - after `MAX_CUTS` connections in a row that ended without a reason before `SHORT_MS`, as a proxy does that
 *   ends long answers.
 *
 * Upgrades go back up. Invariants: there is always a transport; an upgrade that fails at once returns to the
 * transport before it, and doubles the wait before the next upgrade, up to `MAX_UPGRADE_MS`.
 */
import type { TransportStorage } from "../options.js";
import type { TransportName } from "../transports/transport.js";

/** Attempts in a row that may fail on a transport that has worked before. */
const MAX_FAILURES = 3;
/** Short connections in a row after which the next transport is taken. */
const MAX_CUTS = 3;
/** A connection that lasted so long was not cut by a proxy's limit, ms. */
const SHORT_MS = 60_000;
/** The first wait before an upgrade, ms; it doubles up to the longest. */
const MIN_UPGRADE_MS = 30_000;
const MAX_UPGRADE_MS = 1_800_000;

const KEY = "holdfast.transport";

export class TransportChoice {
  readonly #transports: readonly TransportName[];
  readonly #storage: TransportStorage | undefined;
  #at: number;
  /** Whether the transport has worked in this client's life. */
  #proven = false;
  #failures = 0;
  #cuts = 0;
  #upgrades = 0;
  /** The transport before the latest upgrade, until the new one has lasted. */
  #from: number | undefined;

  /** `transports` has one at least. */
  constructor(transports: readonly TransportName[], storage: TransportStorage | undefined) {
    this.#transports = transports;
    this.#storage = storage;
    this.#at = Math.max(0, transports.indexOf(remembered(storage) as TransportName));
  }

  get current(): TransportName {
    return this.#transports[this.#at] as TransportName;
  }

  /** Whether another transport may do what this one does not. */
  get doubted(): boolean {
    return !this.#proven && this.#transports.length > 1;
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

  /** An attempt got no connect reply. True when the next transport may be tried at once. */
  failed(): boolean {
    if (this.#from !== undefined) return this.#fallBack();
    this.#failures++;
    if (this.#proven && this.#failures < MAX_FAILURES) return false;
    this.#at = (this.#at + 1) % this.#transports.length;
    return !this.#proven && this.#failures % this.#transports.length !== 0;
  }

  /** A connection was lost without a reason after `livedMs`. */
  lost(livedMs: number): void {
    if (livedMs >= SHORT_MS) this.#settle();
    else if (this.#from !== undefined) this.#fallBack();
    else if (++this.#cuts >= MAX_CUTS) {
      this.#cuts = 0;
      this.#at = Math.min(this.#at + 1, this.#transports.length - 1);
    }
  }

  /**
   * How long to wait before the next upgrade, ms; undefined on the best transport. `random` is uniform in [0,
   * 1).
   */
  upgradeAfter(random: number): number | undefined {
    if (this.#at === 0) return undefined;
    return Math.min(MAX_UPGRADE_MS, MIN_UPGRADE_MS * 2 ** this.#upgrades) * (0.5 + random / 2);
  }

  /** The transport to try: the best one, and every other time the next better one. */
  get better(): TransportName {
    return this.#transports[this.#upgrades % 2 === 0 ? 0 : this.#at - 1] as TransportName;
  }

  /** The upgrade to `better` was tried, with or without success. */
  upgraded(success: boolean): void {
    if (success) {
      this.#from = this.#at;
      this.#at = this.#transports.indexOf(this.better);
    }
    this.#upgrades = Math.min(this.#upgrades + 1, 16);
  }

  /** The upgrade has failed: back, at once. */
  #fallBack(): true {
    this.#at = this.#from ?? this.#at;
    this.#from = undefined;
    return true;
  }

  /** A connection has lasted. */
  #settle(): void {
    this.#cuts = 0;
    if (this.#from !== undefined) this.#upgrades = 0;
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
