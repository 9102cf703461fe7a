/**
 * The attempts of seats in time: which one takes too long, and which seat is due to be tried again.
 *
 * Leaves the sockets to their owner. Invariant: an attempt that is undecided after `ATTEMPT_TIMEOUT_MS` is
 * told once, and a seat has at most `MAX_ATTEMPTS` of them.
 */
import { backoffDelay } from "@holdfast/protocol";
import { ASKING, CONNECTING, type ConnectionTable, IDLE, JOINING, OVER } from "./connection-table.js";
import { Retries } from "./retries.js";

/** Attempts for one connection; with the protocol's back-off half a minute goes by. */
const MAX_ATTEMPTS = 8;
const ATTEMPT_RADIX = 16;
/** From the beginning of an attempt to the session, ms. Longer than the gateway's queues take. */
export const ATTEMPT_TIMEOUT_MS = 30_000;

export class Attempts {
  readonly #table: ConnectionTable;
  readonly #now: () => number;
  readonly #retries = new Retries();
  /** In the order in which they began, as seat × ATTEMPT_RADIX + number of the attempt. */
  readonly #begun: number[] = [];
  /** Seats that had a session before the present attempt. */
  readonly #returning = new Set<number>();

  /** `now` is any clock in ms. */
  constructor(table: ConnectionTable, now: () => number) {
    this.#table = table;
    this.#now = now;
  }

  /** Whether a seat is on its way, or waits to be tried again. */
  get underWay(): boolean {
    return this.#begun.length > 0 || this.#retries.waiting > 0;
  }

  /** The seat's present attempt has a socket. */
  began(seat: number): void {
    this.#begun.push(seat * ATTEMPT_RADIX + this.#table.attemptsOf(seat));
  }

  /** Seats whose turn it is to be tried again; one that has begun meanwhile waits for nothing. */
  due(): number[] {
    return this.#retries.take(this.#now()).filter((seat) => this.#table.stateOf(seat) === IDLE);
  }

  /** Calls `end` for each attempt that takes too long. */
  endLate(end: (seat: number) => void): void {
    const now = this.#now();
    let done = 0;
    for (const attempt of this.#begun) {
      const seat = Math.floor(attempt / ATTEMPT_RADIX);
      const state = this.#table.stateOf(seat);
      const undecided = state === CONNECTING || state === ASKING || state === JOINING;
      if (undecided && this.#table.attemptsOf(seat) === attempt % ATTEMPT_RADIX) {
        if (now - this.#table.begunAt(seat) < ATTEMPT_TIMEOUT_MS) break;
        end(seat);
      }
      done++;
    }
    if (done > 0) this.#begun.splice(0, done);
  }

  /** The seat had a session, and will have another one: it is as before its first attempt. */
  anew(seat: number): void {
    this.#returning.add(seat);
    this.#table.renew(seat);
  }

  /** The same, after the protocol's first delay, as a client comes back that has lost its connection. */
  later(seat: number): void {
    this.anew(seat);
    this.#retries.add(seat, this.#now(), backoffDelay(0, Math.random()));
  }

  /** The seat is not wanted any more: nothing is tried again for it. */
  forget(seat: number): void {
    this.#returning.delete(seat);
    this.#retries.remove(seat);
  }

  /** Whether the session that the seat has now is not its first one. Told once. */
  returned(seat: number): boolean {
    return this.#returning.delete(seat);
  }

  /** The seat's attempt failed: it waits for another one. False when that was its last. */
  failed(seat: number): boolean {
    const attempts = this.#table.attemptsOf(seat);
    if (attempts >= MAX_ATTEMPTS) {
      this.#table.move(seat, OVER);
      return false;
    }
    this.#table.move(seat, IDLE);
    this.#retries.add(seat, this.#now(), backoffDelay(attempts - 1, Math.random()));
    return true;
  }
}
