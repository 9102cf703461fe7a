/**
 * Limits per client address: how many connections it may hold, and how many it may open per second.
 *
 * Off unless set, because behind a load balancer that does not tell its clients' addresses everybody has the same one.
 * Invariants: an address is forgotten when it holds nothing and has its full rate again; at most `maxAddresses` are
 * remembered, beyond which new ones pass uncounted (refusing strangers because others flood would do the attacker's work).
 */
import type { Clock } from "@holdfast/core";

export interface AddressLimitOptions {
  /** Connections that one address may hold; undefined = any number. */
  readonly maxConnections: number | undefined;
  /** Connections that one address may open per second, sustained; twice that at once. Undefined = any number. */
  readonly ratePerSecond: number | undefined;
  /** Addresses that are remembered. Default 100_000. */
  readonly maxAddresses?: number;
}

interface Account {
  held: number;
  /** Connections that may be opened now. */
  credit: number;
  /** When `credit` was true, monotonic ms. */
  since: number;
}

const BURST_SECONDS = 2;

export class AddressLimits {
  readonly #options: AddressLimitOptions;
  readonly #clock: Clock;
  readonly #accounts = new Map<string, Account>();

  constructor(options: AddressLimitOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** Whether anything is limited at all: if not, nobody needs to know addresses. */
  get active(): boolean {
    return this.#options.maxConnections !== undefined || this.#options.ratePerSecond !== undefined;
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#accounts.size;
  }

  /** Counts one connection, or says which limit it meets. */
  admit(address: string): "admitted" | "limit_address" | "limit_address_rate" {
    const account = this.#account(address);
    if (account === undefined) return "admitted";
    const { maxConnections, ratePerSecond } = this.#options;
    if (maxConnections !== undefined && account.held >= maxConnections) return "limit_address";
    if (ratePerSecond !== undefined) {
      this.#refill(account, ratePerSecond);
      if (account.credit < 1) return "limit_address_rate";
      account.credit--;
    }
    account.held++;
    return "admitted";
  }

  /** A connection that was admitted has ended. */
  release(address: string): void {
    const account = this.#accounts.get(address);
    if (account === undefined) return;
    account.held = Math.max(0, account.held - 1);
    if (this.#isFresh(account)) this.#accounts.delete(address);
  }

  /** Forgets who holds nothing and may open at the full rate again. Call it now and then. */
  sweep(): void {
    for (const [address, account] of this.#accounts) {
      if (this.#isFresh(account)) this.#accounts.delete(address);
    }
  }

  #account(address: string): Account | undefined {
    const known = this.#accounts.get(address);
    if (known !== undefined) return known;
    if (this.#accounts.size >= (this.#options.maxAddresses ?? 100_000)) return undefined;
    const capacity = (this.#options.ratePerSecond ?? 0) * BURST_SECONDS;
    const account: Account = { held: 0, credit: capacity, since: this.#clock.monotonic() };
    this.#accounts.set(address, account);
    return account;
  }

  #refill(account: Account, ratePerSecond: number): void {
    const now = this.#clock.monotonic();
    const earned = ((now - account.since) / 1000) * ratePerSecond;
    account.credit = Math.min(ratePerSecond * BURST_SECONDS, account.credit + earned);
    account.since = now;
  }

  #isFresh(account: Account): boolean {
    const { ratePerSecond } = this.#options;
    if (account.held > 0) return false;
    if (ratePerSecond === undefined) return true;
    this.#refill(account, ratePerSecond);
    return account.credit >= ratePerSecond * BURST_SECONDS;
  }
}
