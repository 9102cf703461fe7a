/**
 * Limits on how many connections are opened and held: by everybody together, and by one client address.
 *
 * All off unless set; those per address because behind a load balancer that does not tell its clients' addresses
 * everybody has the same one. Invariants: what was counted for an address is released once, by whoever held it; an
 * address is forgotten when it holds nothing and has its full rate again; at most `MAX_ADDRESSES` are remembered, beyond
 * which new ones pass uncounted (refusing strangers because others flood would do the attacker's work).
 */
import type { Clock } from "@holdfast/core";
import { TokenBucket } from "./token-bucket.js";

export interface ConnectionLimitOptions {
  /** Connections opened per second, sustained; twice that at once. Undefined = any number. */
  readonly ratePerSecond: number | undefined;
  /** Connections that one address may hold; undefined = any number. */
  readonly maxPerAddress: number | undefined;
  /** Connections that one address may open per second, sustained; twice that at once. Undefined = any number. */
  readonly ratePerAddress: number | undefined;
}

export type LimitRefusal = "limit_rate" | "limit_address" | "limit_address_rate";

interface Account {
  held: number;
  readonly bucket: TokenBucket | undefined;
}

const MAX_ADDRESSES = 100_000;

/** `Holder` is whoever has the connection: a worker, whose end releases all that it held. */
export class ConnectionLimits<Holder extends object> {
  readonly #options: ConnectionLimitOptions;
  readonly #clock: Clock;
  readonly #total: TokenBucket | undefined;
  readonly #accounts = new Map<string, Account>();
  readonly #heldBy = new Map<Holder, Map<string, number>>();

  constructor(options: ConnectionLimitOptions, clock: Clock) {
    const { ratePerSecond } = options;
    this.#options = options;
    this.#clock = clock;
    this.#total = ratePerSecond === undefined ? undefined : new TokenBucket(ratePerSecond, clock.monotonic());
  }

  /** Whether anything is limited by address: if not, nobody needs to know any. */
  get byAddress(): boolean {
    return this.#options.maxPerAddress !== undefined || this.#options.ratePerAddress !== undefined;
  }

  /** Addresses that are remembered. */
  get addresses(): number {
    return this.#accounts.size;
  }

  /** Which limit one more connection of `address` meets, if any. Counts nothing. */
  check(address: string): LimitRefusal | undefined {
    const now = this.#clock.monotonic();
    if (this.#total?.has(now) === false) return "limit_rate";
    const account = this.#accounts.get(address);
    if (account === undefined) return undefined;
    if (account.held >= (this.#options.maxPerAddress ?? Number.POSITIVE_INFINITY)) return "limit_address";
    return account.bucket?.has(now) === false ? "limit_address_rate" : undefined;
  }

  /** Counts one that is being opened. Once for each connection, whoever holds it later. */
  opened(address: string): void {
    const now = this.#clock.monotonic();
    this.#total?.take(now);
    if (this.byAddress) this.#account(address, now)?.bucket?.take(now);
  }

  /** `holder` has one more connection of `address`. */
  hold(holder: Holder, address: string): void {
    const account = this.#options.maxPerAddress === undefined ? undefined : this.#accounts.get(address);
    if (account === undefined) return;
    account.held++;
    const held = this.#heldBy.get(holder) ?? new Map<string, number>();
    held.set(address, (held.get(address) ?? 0) + 1);
    this.#heldBy.set(holder, held);
  }

  /** `holder` has one less: it ended, or goes to another. */
  release(holder: Holder, address: string): void {
    const held = this.#heldBy.get(holder);
    const count = held?.get(address) ?? 0;
    if (count === 0) return;
    if (count === 1) held?.delete(address);
    else held?.set(address, count - 1);
    const account = this.#accounts.get(address);
    if (account !== undefined) account.held--;
  }

  /** `holder` is gone, and all that it held with it. */
  gone(holder: Holder): void {
    for (const [address, count] of this.#heldBy.get(holder) ?? []) {
      const account = this.#accounts.get(address);
      if (account !== undefined) account.held -= count;
    }
    this.#heldBy.delete(holder);
  }

  /** Forgets who holds nothing and may open at the full rate again. Call it now and then. */
  sweep(): void {
    const now = this.#clock.monotonic();
    for (const [address, { held, bucket }] of this.#accounts) {
      if (held === 0 && bucket?.isFull(now) !== false) this.#accounts.delete(address);
    }
  }

  #account(address: string, now: number): Account | undefined {
    const known = this.#accounts.get(address);
    if (known !== undefined || this.#accounts.size >= MAX_ADDRESSES) return known;
    const { ratePerAddress } = this.#options;
    const bucket = ratePerAddress === undefined ? undefined : new TokenBucket(ratePerAddress, now);
    const account: Account = { held: 0, bucket };
    this.#accounts.set(address, account);
    return account;
  }
}
