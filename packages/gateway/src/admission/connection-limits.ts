/**
 * Limits on how many connections are opened and held: by all clients together, and by one client address.
 *
 * All off unless set; those per address because behind a load balancer that does not tell its clients'
 * addresses all clients have the same one. Where the peer's address is the client's, a socket counts from
 * accept on (`arrive`), else from its whole head on. Invariant: what was counted for an address is released
 * once, by its holder. Where addresses share an account (`address-accounts.ts`), the limit of one address
 * holds for all of them. IPv6 addresses that a proxy names count each on its own, and all of one network of
 * /64 together: `SUBSCRIBER_FACTOR` times the limits of one. A subscriber has such a network, and may choose
 * a new address for each connection.
 */
import type { Clock } from "@holdfast/core";
import { TokenBucket } from "../runtime/token-bucket.js";
import { type Account, AddressAccounts, sharedKey } from "./address-accounts.js";
import { subscriberOf } from "./client-address.js";
import { type PendingSocket, UNCOUNTED } from "./pending-socket.js";

export interface ConnectionLimitOptions {
  /** Connections opened per second, sustained; twice that at once. Undefined = any number. */
  readonly ratePerSecond: number | undefined;
  /** Connections that one address may hold; undefined = any number. */
  readonly maxPerAddress: number | undefined;
  /**
   * Connections that one address may open per second, sustained; twice that at once. Undefined = any number.
   */
  readonly ratePerAddress: number | undefined;
}

export type LimitRefusal = "limit_rate" | "limit_address" | "limit_address_rate";

const MAX_ADDRESSES = 100_000;
/** Heads of one address that are read beyond its limits, to tell a health check from the rest. */
const MAX_EXTRAS = 4;
/** What all named addresses of one network of /64 may do together, as a factor on what one may. */
export const SUBSCRIBER_FACTOR = 4;

/** `Holder` has the connection: a door, or a worker, whose end releases all that it held. */
export class ConnectionLimits<Holder extends object> {
  readonly #options: ConnectionLimitOptions;
  readonly #clock: Clock;
  readonly #total: TokenBucket | undefined;
  readonly #accounts: AddressAccounts;
  readonly #heldBy = new Map<Holder, Map<string, number>>();

  constructor(options: ConnectionLimitOptions, clock: Clock, maxAddresses = MAX_ADDRESSES) {
    const { ratePerSecond } = options;
    this.#options = options;
    this.#clock = clock;
    this.#accounts = new AddressAccounts(options.ratePerAddress, maxAddresses);
    this.#total = ratePerSecond === undefined ? undefined : new TokenBucket(ratePerSecond, clock.monotonic());
  }

  /** Whether anything is limited by address: if not, no address needs to be known. */
  get byAddress(): boolean {
    return this.#options.maxPerAddress !== undefined || this.#options.ratePerAddress !== undefined;
  }

  /** Accounts that are kept. */
  get addresses(): number {
    return this.#accounts.size;
  }

  /** Which limit one more connection of `address` meets, if any. Counts nothing. */
  check(address: string): LimitRefusal | undefined {
    return this.#meetsTotal() ? "limit_rate" : this.#meets(address, this.#clock.monotonic());
  }

  /** The same for a socket that is in a door: its address is not asked again if it counts already. */
  checkArrived({ held, address }: PendingSocket): LimitRefusal | undefined {
    if (held !== "connection") return this.check(address);
    return this.#meetsTotal() ? "limit_rate" : undefined;
  }

  /**
   * A socket has come to `door`, its head unread: it counts for its address as an opened connection does,
   * until `left`. Returns the limit that it meets, unless it is one of the few that are read all the same.
   */
  arrive(door: Holder, socket: PendingSocket): LimitRefusal | undefined {
    const now = this.#clock.monotonic();
    const { address } = socket;
    const account = this.#accounts.of(address, now);
    const refusal = this.#meets(address, now);
    if (refusal === undefined) {
      this.#charge(address, now);
      socket.charged = true;
      socket.held = "connection";
      this.hold(door, address);
      return undefined;
    }
    if (account.extras >= MAX_EXTRAS) return refusal;
    account.extras++;
    socket.held = "extra";
    return undefined;
  }

  /** A socket has left `door`: its new holder holds it by now. */
  left(door: Holder, socket: PendingSocket): void {
    const { held, address } = socket;
    socket.held = "nothing";
    if (held === "connection") this.release(door, address);
    else if (held === "extra") {
      const account = this.#accounts.find(address);
      if (account !== undefined && account.extras > 0) account.extras--;
    }
  }

  /** Counts one that is being opened: once for each connection. */
  opened(socket: Pick<PendingSocket, "address" | "charged">): void {
    const now = this.#clock.monotonic();
    this.#total?.take(now);
    if (this.byAddress && !socket.charged) this.#charge(socket.address, now);
    socket.charged = true;
  }

  /** `holder` has one more connection of `address`. */
  hold(holder: Holder, address: string): void {
    if (this.#options.maxPerAddress === undefined || address === UNCOUNTED) return;
    this.#hold(holder, this.#accounts.keyOf(address));
    const subscriber = subscriberOf(address);
    if (subscriber !== undefined) this.#hold(holder, subscriber);
  }

  /**
   * `holder` has one less: it ended, or goes to another. Those of one address are alike, whichever account
   * has them.
   */
  release(holder: Holder, address: string): void {
    const held = this.#heldBy.get(holder);
    if (held === undefined || address === UNCOUNTED) return;
    this.#release(held, held.has(address) ? address : sharedKey(address));
    const subscriber = subscriberOf(address);
    if (subscriber !== undefined) this.#release(held, subscriber);
  }

  /** `holder` is gone, and all that it held with it. */
  gone(holder: Holder): void {
    for (const [key, count] of this.#heldBy.get(holder) ?? []) {
      const account = this.#accounts.get(key);
      if (account !== undefined) account.held -= count;
    }
    this.#heldBy.delete(holder);
  }

  /** Forgets accounts that count nothing any more, a part of them at a time. Call it now and then. */
  sweep(): void {
    this.#accounts.sweep(this.#clock.monotonic());
  }

  #meetsTotal(): boolean {
    return this.#total?.has(this.#clock.monotonic()) === false;
  }

  #meets(address: string, now: number): LimitRefusal | undefined {
    if (address === UNCOUNTED) return undefined;
    const refusal = this.#refusal(this.#accounts.find(address), 1, now);
    const subscriber = refusal === undefined ? subscriberOf(address) : undefined;
    return subscriber === undefined
      ? refusal
      : this.#refusal(this.#accounts.get(subscriber), SUBSCRIBER_FACTOR, now);
  }

  #refusal(account: Account | undefined, factor: number, now: number): LimitRefusal | undefined {
    if (account === undefined) return undefined;
    if (account.held >= (this.#options.maxPerAddress ?? Number.POSITIVE_INFINITY) * factor)
      return "limit_address";
    return account.bucket?.has(now) === false ? "limit_address_rate" : undefined;
  }

  /** Counts one that is opened for its address, which has accounts from then on. */
  #charge(address: string, now: number): void {
    if (address === UNCOUNTED) return;
    const subscriber = subscriberOf(address);
    if (subscriber !== undefined && this.#accounts.keyOf(subscriber) === subscriber)
      this.#accounts.open(subscriber, SUBSCRIBER_FACTOR, now).bucket?.take(now);
    this.#accounts.of(address, now).bucket?.take(now);
  }

  #hold(holder: Holder, key: string): void {
    const account = this.#accounts.get(key);
    if (account === undefined) return;
    account.held++;
    const held = this.#heldBy.get(holder) ?? new Map<string, number>();
    held.set(key, (held.get(key) ?? 0) + 1);
    this.#heldBy.set(holder, held);
  }

  #release(held: Map<string, number>, key: string): void {
    const count = held.get(key) ?? 0;
    if (count === 0) return;
    if (count === 1) held.delete(key);
    else held.set(key, count - 1);
    const account = this.#accounts.get(key);
    if (account !== undefined) account.held--;
  }
}
