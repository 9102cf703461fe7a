/**
 * The rate limit of commands: a token bucket in two integers of the connection, refilled by the wheel's ticks.
 *
 * A bucket holds two seconds' worth. A command beyond it is refused and still charged, so that whoever keeps
 * sending sinks into debt; at a full bucket's debt the connection is ended.
 */
import { TICK_MS } from "./wheel.js";

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

  /** Charges one command. */
  charge(account: RateAccount, tick: number): RateVerdict {
    const earned = (tick - account.creditTick) * this.#unitsPerTick;
    account.credit = Math.min(this.#capacity, account.credit + earned) - UNITS;
    account.creditTick = tick;
    if (account.credit >= 0) return "pass";
    return account.credit > -this.#capacity ? "refuse" : "disconnect";
  }
}
