/**
 * The seal: by it instances of one cluster know each other.
 *
 *     directory   "10.0.0.5:8080 <ms> <mac>"               the instance that wrote it, for which worker, when
 *     request     holdfast-forwarded: <ms>.<nonce>.<mac>   an instance forwards it
 *     answer      holdfast-answered: <mac of the nonce>    the instance that got the request has the key
 *
 * A request that is forwarded carries its client's cookies and tokens, so a writer of the directory must not
 * choose where it goes, and a stranger at an address that was an instance's must not be taken for it.
 * Invariants: without the key nothing is sealed and nothing is opened; what was sealed more than `MAX_AGE_MS`
 * ago, by either clock, is not opened.
 */
import { createHmac, randomBytes } from "node:crypto";
import type { Clock } from "@holdfast/core";
import { isSameText } from "../../runtime/same-text.js";

/** The lease of the directory, 15 s, and how far the clocks of two instances may be apart. */
const MAX_AGE_MS = 60_000;
const NONCE_BYTES = 12;

/** What goes with a request, and what has to come with its answer. */
export interface Forwarding {
  readonly header: string;
  readonly answer: string;
}

export class InstanceSeal {
  readonly #key: () => string | undefined;
  readonly #clock: Clock;

  /** `key`: undefined until the broker could be asked. */
  constructor(key: () => string | undefined, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
  }

  /** The directory's entry for a worker of ours; undefined while there is no key. */
  sealAddress(worker: string, address: string): string | undefined {
    const now = this.#clock.now();
    const mac = this.#mac("address", worker, address, now);
    return mac && `${address} ${now} ${mac}`;
  }

  /**
   * The address in an entry for the worker, if an instance of this cluster has written it for that worker of
   * late.
   */
  openAddress(worker: string, entry: string): string | undefined {
    const [address = "", ms = "", mac = "", ...rest] = entry.split(" ");
    if (rest.length > 0 || !this.#isFresh(ms)) return undefined;
    return isSame(mac, this.#mac("address", worker, address, Number(ms))) ? address : undefined;
  }

  /** For a request to another instance; undefined while there is no key. */
  forward(method: string, url: string): Forwarding | undefined {
    const now = this.#clock.now();
    const nonce = randomBytes(NONCE_BYTES).toString("base64url");
    const mac = this.#mac("request", method, url, now, nonce);
    const answer = this.#mac("answer", nonce);
    return mac === undefined || answer === undefined
      ? undefined
      : { header: `${now}.${nonce}.${mac}`, answer };
  }

  /** What proves to the instance that forwarded this request that we are one, too. Any text is safe. */
  answerTo(header: string, method: string, url: string): string | undefined {
    const [ms = "", nonce = "", mac = "", ...rest] = header.split(".");
    if (rest.length > 0 || !this.#isFresh(ms)) return undefined;
    const isOurs = isSame(mac, this.#mac("request", method, url, Number(ms), nonce));
    return isOurs ? this.#mac("answer", nonce) : undefined;
  }

  #isFresh(ms: string): boolean {
    return /^\d{1,15}$/.test(ms) && Math.abs(this.#clock.now() - Number(ms)) <= MAX_AGE_MS;
  }

  #mac(...parts: readonly (string | number)[]): string | undefined {
    const key = this.#key();
    return key && createHmac("sha256", key).update(JSON.stringify(parts)).digest("base64url");
  }
}

function isSame(given: string, right: string | undefined): boolean {
  return right !== undefined && isSameText(given, right);
}
