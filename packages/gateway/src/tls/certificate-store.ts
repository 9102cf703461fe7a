/**
 * The certificates of one port, as its files say now: read at the start, and again when the files change.
 *
 *     files ──open──► served ──changed, and then at rest──► read ──good──► served
 *                       └◄──────── bad: the old ones go on ───────┘
 *
 * The files are looked at every `LOOK_MS`. What has changed is read once it has stayed as it is for one look,
 * since a certificate and its key are written one after the other; `renewNow` reads at once. A certificate
 * that expires within `WARN_MS` is named in a warning, once a day. Invariants: what is served was good when
 * it was read; bad files are read once, and said once; no connection is ended.
 */
import { randomBytes } from "node:crypto";
import type { Clock, Logger, Timer } from "@holdfast/core";
import { dayOf } from "./certificate.js";
import {
  type FileProblem,
  type LoadedPairs,
  loadPairs,
  type PairFiles,
  stampOf,
} from "./certificate-files.js";
import type { TlsMaterial, TlsVersion } from "./tls-material.js";

/** What a port is served with. */
export interface TlsPortOptions {
  /** At least one pair; the first is for clients that ask for no name. */
  readonly files: readonly PairFiles[];
  readonly minVersion: TlsVersion;
  /** The settings that name the files, for what is said of them. */
  readonly settings: { readonly cert: string; readonly key: string };
}

/** What a look found. */
export type Renewal = "unchanged" | "loaded" | "refused";

/** How often the files are looked at, ms. */
export const LOOK_MS = 5_000;
const DAY_MS = 86_400_000;
/** So long before its end a certificate is named in a warning, ms. */
export const WARN_MS = 14 * DAY_MS;
/** Session tickets of older keys are not taken: their clients shake hands in full, ms. */
const TICKET_KEYS_MS = DAY_MS / 2;
/** As Node.js takes them. */
const TICKET_KEYS_BYTES = 48;

export class CertificateStore {
  readonly #options: TlsPortOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #renewed: (material: TlsMaterial) => void;
  readonly #timer: Timer;
  #loaded: LoadedPairs;
  #ticketKeys = randomBytes(TICKET_KEYS_BYTES).toString("base64");
  /** Of the files as they were read last, good or bad. */
  #readStamp: string;
  /** Of the files at the last look. */
  #seenStamp: string;
  /** Monotonic ms. */
  #ticketKeysAt: number;
  /** When an end was last warned of, ms since 1970. */
  #warnedAt = Number.NEGATIVE_INFINITY;
  #counts = { loaded: 0, refused: 0 };
  /** What was found last, of what `renewNow` has not said yet. */
  #untold: Renewal = "unchanged";

  /**
   * Reads the files; throws a sentence when they cannot be served. `renewed` is told of what is served from
   * now on, each time that it changes.
   */
  constructor(
    options: TlsPortOptions,
    clock: Clock,
    logger: Logger,
    renewed: (material: TlsMaterial) => void,
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#logger = logger;
    this.#renewed = renewed;
    this.#readStamp = stampOf(options.files);
    this.#seenStamp = this.#readStamp;
    const loaded = loadPairs(options.files, clock.now());
    if ("problem" in loaded) throw new Error(this.#sentence(loaded));
    this.#loaded = loaded;
    this.#ticketKeysAt = clock.monotonic();
    this.#warn();
    this.#timer = clock.every(LOOK_MS, () => this.#look());
  }

  /** What is served now. */
  get material(): TlsMaterial {
    const { minVersion } = this.#options;
    return { pairs: this.#loaded.pairs, minVersion, ticketKeys: this.#ticketKeys };
  }

  /** When the first of the certificates expires, ms since 1970. */
  get expiresAt(): number {
    return Math.min(...this.#loaded.facts.map((each) => each.expiresAt));
  }

  /** How often changed files were taken, and how often they were bad. */
  get renewals(): Readonly<Record<"loaded" | "refused", number>> {
    return this.#counts;
  }

  /**
   * Reads the files now if they have changed since they were read last. Says what became of the last change
   * since this was called last, also of one that was found by itself meanwhile.
   */
  renewNow(): Renewal {
    this.#renew();
    const found = this.#untold;
    this.#untold = "unchanged";
    return found;
  }

  /** Looks no more. Idempotent. */
  close(): void {
    this.#timer.cancel();
  }

  #renew(): void {
    const stamp = stampOf(this.#options.files);
    this.#seenStamp = stamp;
    if (stamp === this.#readStamp) return;
    this.#readStamp = stamp;
    const loaded = loadPairs(this.#options.files, this.#clock.now());
    if ("problem" in loaded) {
      this.#counts.refused++;
      this.#logger.error(
        { file: loaded.file },
        `the new certificate is not taken, and the old one goes on until ${dayOf(this.expiresAt)}: ${this.#sentence(loaded)}`,
      );
      this.#untold = "refused";
      return;
    }
    this.#counts.loaded++;
    this.#loaded = loaded;
    this.#warnedAt = Number.NEGATIVE_INFINITY;
    const { cert } = this.#options.settings;
    this.#logger.info({}, `${cert}: a new certificate is served, until ${dayOf(this.expiresAt)}`);
    this.#warn();
    this.#untold = "loaded";
    this.#renewed(this.material);
  }

  #look(): void {
    const stamp = stampOf(this.#options.files);
    const isAtRest = stamp === this.#seenStamp;
    this.#seenStamp = stamp;
    if (isAtRest && stamp !== this.#readStamp) this.#renew();
    if (this.#clock.monotonic() - this.#ticketKeysAt >= TICKET_KEYS_MS) this.#renewTicketKeys();
    this.#warn();
  }

  #renewTicketKeys(): void {
    this.#ticketKeysAt = this.#clock.monotonic();
    this.#ticketKeys = randomBytes(TICKET_KEYS_BYTES).toString("base64");
    this.#renewed(this.material);
  }

  #warn(): void {
    const now = this.#clock.now();
    if (this.expiresAt - now > WARN_MS || now - this.#warnedAt < DAY_MS) return;
    this.#warnedAt = now;
    const { files, settings } = this.#options;
    this.#loaded.facts.forEach(({ expiresAt }, index) => {
      const file = files[index]?.cert ?? "";
      const what = `the certificate in ${file} (${settings.cert})`;
      if (expiresAt <= now)
        this.#logger.error({ file }, `${what} expired on ${dayOf(expiresAt)}: clients refuse it; replace it`);
      else if (expiresAt - now <= WARN_MS)
        this.#logger.warn({ file }, `${what} expires on ${dayOf(expiresAt)}: replace it before`);
    });
  }

  #sentence({ of, file, problem }: FileProblem): string {
    return `${this.#options.settings[of]}: ${file} ${problem}`;
  }
}
