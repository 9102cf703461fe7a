/**
 * The rate limit of commands: a token bucket in two integers of the connection, refilled by the ticker's
 * ticks.
 *
 * A bucket holds two seconds' worth. A command beyond it is refused and still charged, so that a client that
 * keeps sending sinks into debt; at a full bucket's debt the connection is ended. Work that is no command
 * (control frames, fragments, many bytes) is charged in tenths of one, and is never refused: it only brings
 * the debt nearer.
 */
import { TICK_MS } from "../runtime/ticker.js";

/** What the limit keeps in a connection. */
export interface RateAccount {
  /** Credit in fractions of a command; below zero is debt. */
  credit: number;
  /** The tick at which `credit` was true. */
  creditTick: number;
}

export type RateVerdict = "pass" | "refuse" | "disconnect";

/** Credit units in one command: one tick at one command a second earns one unit. */
const UNITS = 1000 / TICK_MS;
const BURST_SECONDS = 2;
const UNITS_PER_TENTH = UNITS / 10;

export class RateLimit {
  readonly #unitsPerTick: number;
  readonly #capacity: number;

  /** `perSecond`: commands a second, sustained; an integer of at least 1. */
  constructor(perSecond: number) {
    this.#unitsPerTick = perSecond;
    this.#capacity = perSecond * BURST_SECONDS * UNITS;
  }

  /** A new account starts full. */
  open(account: RateAccount, tick: number): void {
    account.credit = this.#capacity;
    account.creditTick = tick;
  }

  /**
   * Charges one command, or one that costs as much as `price` of them; what is too dear is refused at the
   * price of one.
   */
  charge(account: RateAccount, tick: number, price = 1): RateVerdict {
    const earned = (tick - account.creditTick) * this.#unitsPerTick;
    const credit = Math.min(this.#capacity, account.credit + earned);
    // In whole units: a fraction would make the account an object.
    const cost = price === 1 ? UNITS : Math.ceil(price * UNITS);
    const affordable = price === 1 || credit >= cost;
    account.credit = credit - (affordable ? cost : UNITS);
    account.creditTick = tick;
    if (!affordable && account.credit >= 0) return "refuse";
    if (account.credit >= 0) return "pass";
    return account.credit > -this.#capacity ? "refuse" : "disconnect";
  }

  /**
   * Charges `tenths` of a command for what is none. False at a full bucket's debt: the connection has to end.
   */
  work(account: RateAccount, tick: number, tenths: number): boolean {
    this.#earn(account, tick);
    // Bounded, so that the debt stays a small integer however much is charged after it.
    account.credit = Math.max(account.credit - tenths * UNITS_PER_TENTH, -this.#capacity);
    return account.credit > -this.#capacity;
  }

  /** Charges as many of `wanted` commands as there is credit for, and returns how many that are. */
  afford(account: RateAccount, tick: number, wanted: number): number {
    this.#earn(account, tick);
    const granted = Math.min(wanted, Math.max(0, Math.floor(account.credit / UNITS)));
    account.credit -= granted * UNITS;
    return granted;
  }

  /**
   * Charges what a command turned out to cost, in commands. The debt that this makes is a second's worth at
   * most, so a client that asked for much waits that long, and is not disconnected for it.
   */
  spend(account: RateAccount, tick: number, price: number): void {
    this.#earn(account, tick);
    const floor = -Math.floor(this.#capacity / BURST_SECONDS);
    if (account.credit > floor) account.credit = Math.max(floor, account.credit - Math.ceil(price * UNITS));
  }

  /** Whether the account has nothing left now. */
  isSpent(account: RateAccount, tick: number): boolean {
    this.#earn(account, tick);
    return account.credit < 0;
  }

  #earn(account: RateAccount, tick: number): void {
    const earned = (tick - account.creditTick) * this.#unitsPerTick;
    account.credit = Math.min(this.#capacity, account.credit + earned);
    account.creditTick = tick;
  }
}
