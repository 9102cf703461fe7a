/**
 * Session limits: how many sessions HTTP requests may open. A polled session has no connection of its own,
 * and one connection can open any number of them; so they count here as connections do at the front door.
 *
 *     an open ──► full? ──► its connection's rate ──► its address' rate ──► its address' sessions ──► taken
 *
 * An open costs one, and one more for each `CHANNELS_PER_UNIT` channels. The connection of a trusted proxy
 * carries many clients and has no rate of its own. Invariants: what is held for an address is released once;
 * an address is forgotten when it holds nothing and has its full rate again; at most `MAX_ADDRESSES` have an
 * account of their own, further ones share one. IPv6 addresses that a proxy names count as in
 * `connection-limits.ts`: each on its own, and all of one network of /64 together.
 */

import type { Clock, Timer } from "@holdfast/core";
import { type ErrorCode, errors } from "@holdfast/protocol";
import { subscriberOf } from "../../admission/client-address.js";
import { SUBSCRIBER_FACTOR } from "../../admission/connection-limits.js";
import type { SessionRefusal } from "../../link/metrics.js";
import { TokenBucket } from "../../runtime/token-bucket.js";
import type { ClientAddress } from "../http/client-addresses.js";

export interface SessionLimitOptions {
  /** Opens a second over one connection, sustained; twice that at once. */
  readonly ratePerConnection: number;
  /** Opens a second from one address, sustained; twice that at once. Undefined = any number. */
  readonly ratePerAddress: number | undefined;
  /** Polled sessions that one address may hold; undefined = any number. */
  readonly maxPerAddress: number | undefined;
}

export interface SessionLimitParts {
  readonly clock: Clock;
  /** Whether the worker holds as many connections as it may. */
  readonly isFull: () => boolean;
  /** Told of every refusal. */
  readonly refused: (why: SessionRefusal) => void;
}

interface Account {
  held: number;
  readonly mostHeld: number;
  readonly bucket: TokenBucket | undefined;
}

const MAX_ADDRESSES = 50_000;
/** The account of addresses beyond that. */
const OTHERS = "others";
const CHANNELS_PER_UNIT = 32;
const SWEEP_MS = 1_000;

const FULL: ErrorCode = { ...errors.unavailable, message: "The server holds as many connections as it may." };
const TOO_FAST: ErrorCode = {
  ...errors.limitRate,
  message: "Sessions are opened too fast from here; try again.",
};
const TOO_MANY: ErrorCode = {
  ...errors.unavailable,
  message: "This address holds as many sessions as it may.",
};
const ROWS: Readonly<Record<SessionRefusal, ErrorCode>> = {
  limit_connections: FULL,
  limit_connection_rate: TOO_FAST,
  limit_address_rate: TOO_FAST,
  limit_address: TOO_MANY,
};

export class SessionLimits {
  readonly #options: SessionLimitOptions;
  readonly #parts: SessionLimitParts;
  readonly #maxAddresses: number;
  /** Of connections that have opened a session. */
  readonly #connections = new WeakMap<object, TokenBucket>();
  readonly #accounts = new Map<string, Account>();
  readonly #timer: Timer;

  constructor(options: SessionLimitOptions, parts: SessionLimitParts, maxAddresses = MAX_ADDRESSES) {
    this.#options = options;
    this.#parts = parts;
    this.#maxAddresses = maxAddresses;
    this.#timer = parts.clock.every(SWEEP_MS, () => this.#sweep());
  }

  /** Addresses that have an account. */
  get addresses(): number {
    return this.#accounts.size;
  }

  /**
   * Charges an open, before anything is done for it; or says why there is none. `connection`: undefined where
   * it ends with it.
   */
  open(
    { address, isProxy }: ClientAddress,
    connection: object | undefined,
    channels: number,
  ): ErrorCode | undefined {
    const now = this.#parts.clock.monotonic();
    const cost = 1 + Math.floor(channels / CHANNELS_PER_UNIT);
    if (this.#parts.isFull()) return this.#refuse("limit_connections");
    const own = connection === undefined || isProxy ? undefined : this.#bucketOf(connection, now);
    if (own?.has(now) === false) return this.#refuse("limit_connection_rate");
    const network = address === undefined ? undefined : this.#networkAccount(address, now);
    // Its network is asked first: an address that is refused for it gets no account.
    const met = meets(network, now);
    const account = address === undefined || met !== undefined ? undefined : this.#account(address, 1, now);
    const refusal = met ?? meets(account, now);
    if (refusal !== undefined) return this.#refuse(refusal);
    own?.take(now, cost);
    if (network !== account) network?.bucket?.take(now, cost);
    account?.bucket?.take(now, cost);
    return undefined;
  }

  /**
   * The address has one polled session more, until what is returned is called, once; undefined where none are
   * counted.
   */
  hold({ address }: ClientAddress): (() => void) | undefined {
    if (this.#options.maxPerAddress === undefined || address === undefined) return undefined;
    const now = this.#parts.clock.monotonic();
    const network = this.#networkAccount(address, now);
    const account = this.#account(address, 1, now);
    account.held++;
    if (network !== undefined) network.held++;
    return () => {
      account.held--;
      if (network !== undefined) network.held--;
    };
  }

  /** The connection goes on as `next`, with what it has left of its rate. */
  moved(connection: object, next: object): void {
    const bucket = this.#connections.get(connection);
    if (bucket !== undefined) this.#connections.set(next, bucket);
  }

  /** Idempotent. */
  close(): void {
    this.#timer.cancel();
  }

  #refuse(why: SessionRefusal): ErrorCode {
    this.#parts.refused(why);
    return ROWS[why];
  }

  #bucketOf(connection: object, now: number): TokenBucket {
    const known = this.#connections.get(connection);
    if (known !== undefined) return known;
    const bucket = new TokenBucket(this.#options.ratePerConnection, now);
    this.#connections.set(connection, bucket);
    return bucket;
  }

  /** The account that the address has beside its own, if any. */
  #networkAccount(address: string, now: number): Account | undefined {
    const subscriber = subscriberOf(address);
    return subscriber === undefined ? undefined : this.#account(subscriber, SUBSCRIBER_FACTOR, now);
  }

  #account(key: string, factor: number, now: number): Account {
    const known = this.#accounts.get(key);
    if (known !== undefined) return known;
    if (this.#accounts.size >= this.#maxAddresses && key !== OTHERS) return this.#account(OTHERS, 1, now);
    const { ratePerAddress, maxPerAddress = Number.POSITIVE_INFINITY } = this.#options;
    const bucket = ratePerAddress === undefined ? undefined : new TokenBucket(ratePerAddress * factor, now);
    const account: Account = { held: 0, mostHeld: maxPerAddress * factor, bucket };
    this.#accounts.set(key, account);
    return account;
  }

  #sweep(): void {
    const now = this.#parts.clock.monotonic();
    for (const [address, { held, bucket }] of this.#accounts)
      if (held === 0 && bucket?.isFull(now) !== false) this.#accounts.delete(address);
  }
}

function meets(account: Account | undefined, now: number): SessionRefusal | undefined {
  if (account?.bucket?.has(now) === false) return "limit_address_rate";
  return account !== undefined && account.held >= account.mostHeld ? "limit_address" : undefined;
}
