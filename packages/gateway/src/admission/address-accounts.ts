/**
 * The accounts of addresses: what each holds and how fast it opens, in bounded memory.
 *
 * Owns which account an address has, and when it is forgotten; what the numbers may be is
 * `connection-limits.ts`. Invariants: at most `maxAddresses` addresses have an account of their own, further
 * ones share one of `SHARED_ACCOUNTS` by their network; an account is forgotten when it holds nothing and has
 * its full rate again.
 */
import { TokenBucket } from "../runtime/token-bucket.js";
import { networkOf } from "./client-address.js";

export interface Account {
  /** Connections. */
  held: number;
  /** Sockets that came beyond a limit and whose heads are read all the same. */
  extras: number;
  /** Undefined where no rate is limited. */
  readonly bucket: TokenBucket | undefined;
}

const SHARED_ACCOUNTS = 4_096;
/** Accounts that one sweep looks at. */
const SWEPT_AT_ONCE = 2_000;

export class AddressAccounts {
  readonly #ratePerAddress: number | undefined;
  readonly #maxAddresses: number;
  /** By address, and by `#` and a number where addresses share one. */
  readonly #accounts = new Map<string, Account>();
  #sweeping: Iterator<[string, Account]> | undefined;
  #shared = 0;

  /** `ratePerAddress`: connections that one address may open per second; undefined = any number. */
  constructor(ratePerAddress: number | undefined, maxAddresses: number) {
    this.#ratePerAddress = ratePerAddress;
    this.#maxAddresses = maxAddresses;
  }

  /** Accounts that are kept. */
  get size(): number {
    return this.#accounts.size;
  }

  /** The account with this very key. */
  get(key: string): Account | undefined {
    return this.#accounts.get(key);
  }

  /** The account that counts for an address, if there is one. */
  find(address: string): Account | undefined {
    return this.#accounts.get(this.keyOf(address));
  }

  /** The address, unless it has no account and can have none. */
  keyOf(address: string): string {
    const full = this.#accounts.size - this.#shared >= this.#maxAddresses;
    return full && !this.#accounts.has(address) ? sharedKey(address) : address;
  }

  /** The account that counts for an address, made if there is none. `now` is monotonic, ms. */
  of(address: string, now: number): Account {
    const key = this.keyOf(address);
    const isNew = !this.#accounts.has(key);
    if (isNew && key !== address) this.#shared++;
    return this.open(key, 1, now);
  }

  /** The account with this very key, made with `factor` times the rate of one address if there is none. */
  open(key: string, factor: number, now: number): Account {
    const known = this.#accounts.get(key);
    if (known !== undefined) return known;
    const rate = this.#ratePerAddress;
    const bucket = rate === undefined ? undefined : new TokenBucket(rate * factor, now);
    const account: Account = { held: 0, extras: 0, bucket };
    this.#accounts.set(key, account);
    return account;
  }

  /** Forgets some of those that hold nothing and may open at the full rate again. Call it now and then. */
  sweep(now: number): void {
    this.#sweeping ??= this.#accounts.entries();
    for (let looked = 0; looked < SWEPT_AT_ONCE; looked++) {
      const next = this.#sweeping.next();
      if (next.done) {
        this.#sweeping = undefined;
        return;
      }
      const [key, { held, extras, bucket }] = next.value;
      if (held > 0 || extras > 0 || bucket?.isFull(now) === false) continue;
      this.#accounts.delete(key);
      if (key.startsWith("#")) this.#shared--;
    }
  }
}

/** FNV-1a of the network, so that the addresses of one network share an account. */
export function sharedKey(address: string): string {
  const network = networkOf(address);
  let hash = 0x811c9dc5;
  for (let i = 0; i < network.length; i++) hash = Math.imul(hash ^ network.charCodeAt(i), 0x01000193);
  return `#${(hash >>> 0) % SHARED_ACCOUNTS}`;
}
