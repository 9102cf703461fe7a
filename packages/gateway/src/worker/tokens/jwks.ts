/**
 * An issuer's published keys (JWKS): fetched, kept, fetched again when they are old or a token names one that
 * is not here.
 *
 * Invariants: keys that are known stay good until a fetch succeeds without them, so that an outage of the
 * issuer locks out no client whose key is here; at most one fetch is under way, and none begins within the
 * cooldown after another, whatever tokens name; a set is at most 256 KiB and 100 keys, and a fetch at most 5
 * s.
 */
import type { Clock, Logger } from "@holdfast/core";
import { createLocalJWKSet, type JWK, type JWSHeaderParameters, errors as jose } from "jose";
import { PUBLIC_ALGORITHMS } from "./token-key.js";

const MAX_AGE_MS = 10 * 60_000;
const COOLDOWN_MS = 30_000;
const TIMEOUT_MS = 5_000;
const MAX_BYTES = 256 * 1024;
const MAX_KEYS = 100;

/** The keys could not be had: the token may be good. */
export class KeysUnavailable extends Error {}

type LocalSet = ReturnType<typeof createLocalJWKSet>;
type PublicKey = Awaited<ReturnType<LocalSet>>;

/** A set as it was fetched, with the names of its keys. */
interface FetchedSet {
  readonly keys: LocalSet;
  readonly names: ReadonlySet<string>;
}

/** When it began, in monotonic ms, and how it ended. */
interface Fetch {
  readonly at: number;
  outcome: "under way" | "good" | "failed";
}

export interface JwksParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly fetch: typeof fetch;
}

export class Jwks {
  readonly #url: string;
  readonly #parts: JwksParts;
  #keys: LocalSet | undefined;
  #last: Fetch | undefined;
  #fetching: Promise<void> | undefined;
  /** Fetches that brought a set. */
  #sets = 0;
  /** Names of keys that earlier sets had and the last one has not. */
  #retired: ReadonlySet<string> = new Set();
  #names: ReadonlySet<string> = new Set();

  constructor(url: string, parts: JwksParts) {
    this.#url = url;
    this.#parts = parts;
  }

  /** The key that the header of a token names. Rejects with an error of jose where there is none. */
  async find(header: JWSHeaderParameters): Promise<PublicKey> {
    if (this.#isOld()) this.#fetch();
    const before = this.#sets;
    // Only who finds no keys at all has to wait for the first.
    if (this.#keys === undefined) await this.#fetching;
    try {
      return await this.#search(header);
    } catch (error) {
      if (!(error instanceof jose.JWKSNoMatchingKey)) throw error;
      this.#fetch();
      await this.#fetching;
      if (this.#last?.outcome !== "good") throw new KeysUnavailable();
      // No set has come since the token did, for the cooldown: its key may have been published meanwhile.
      const mayBeNew = this.#sets === before && !this.#retired.has(header.kid ?? "");
      if (mayBeNew && header.kid !== undefined) throw new KeysUnavailable();
      return await this.#search(header);
    }
  }

  /** Begins to fetch, so that the first token need not wait. */
  start(): void {
    this.#fetch();
  }

  async #search(header: JWSHeaderParameters): Promise<PublicKey> {
    if (this.#keys === undefined) throw new KeysUnavailable();
    return this.#keys(header);
  }

  #isOld(): boolean {
    if (this.#last === undefined) return true;
    const { at, outcome } = this.#last;
    return this.#parts.clock.monotonic() - at >= (outcome === "good" ? MAX_AGE_MS : COOLDOWN_MS);
  }

  #fetch(): void {
    const now = this.#parts.clock.monotonic();
    if (this.#fetching !== undefined || (this.#last !== undefined && now - this.#last.at < COOLDOWN_MS))
      return;
    const last: Fetch = { at: now, outcome: "under way" };
    this.#last = last;
    this.#fetching = this.#read()
      .then(
        ({ keys, names }) => {
          this.#keys = keys;
          this.#sets++;
          const gone = [...this.#retired, ...this.#names].filter((name) => !names.has(name));
          this.#retired = new Set(gone.slice(-MAX_KEYS));
          this.#names = names;
          last.outcome = "good";
        },
        (error: unknown) => {
          last.outcome = "failed";
          const known = this.#keys === undefined ? "no token can be checked" : "those known stay good";
          this.#parts.logger.warn({ err: error }, `could not fetch the keys of tokens; ${known}`);
        },
      )
      .finally(() => {
        this.#fetching = undefined;
      });
  }

  async #read(): Promise<FetchedSet> {
    const deadline = new AbortController();
    const timer = this.#parts.clock.after(TIMEOUT_MS, () => {
      deadline.abort(new Error(`the issuer did not answer within ${TIMEOUT_MS / 1000} s`));
    });
    try {
      return await this.#readBefore(deadline.signal);
    } finally {
      timer.cancel();
    }
  }

  async #readBefore(signal: AbortSignal): Promise<FetchedSet> {
    const response = await this.#parts.fetch(this.#url, {
      headers: { accept: "application/json" },
      redirect: "error",
      signal,
    });
    if (!response.ok) throw new Error(`the issuer answered ${response.status}`);
    const { keys } = JSON.parse(await boundedText(response)) as { readonly keys?: unknown };
    if (!Array.isArray(keys) || keys.length > MAX_KEYS)
      throw new Error(`the issuer's answer is not a set of at most ${MAX_KEYS} keys`);
    const good = (keys as readonly unknown[]).filter(isPublicKey);
    const names = new Set(good.flatMap(({ kid }) => (kid === undefined ? [] : [kid])));
    return { keys: createLocalJWKSet({ keys: good }), names };
  }
}

/** A shared secret in a published set is none. */
function isPublicKey(value: unknown): value is JWK {
  if (typeof value !== "object" || value === null) return false;
  const { kty, alg } = value as Partial<JWK>;
  return typeof kty === "string" && kty !== "oct" && (alg === undefined || PUBLIC_ALGORITHMS.includes(alg));
}

async function boundedText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error(`a set of keys has more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
