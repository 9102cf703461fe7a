/**
 * The table of an agent's connections: what each is, and how often it heard the round that is expected.
 *
 * Some bytes a connection in typed arrays, no object. Invariant: `connected` and `over` are the numbers of
 * seats that are `OPEN` and `OVER`.
 */
import { Histogram } from "../histogram.js";
import type { Tally } from "../messages.js";

/** Not begun, or waiting for another attempt. */
export const IDLE = 0;
/** The TCP handshake. */
export const CONNECTING = 1;
/** The request is sent. */
export const ASKING = 2;
/** Accepted; the session's first message is awaited. */
export const JOINING = 3;
/** A connected session with its subscriptions. */
export const OPEN = 4;
/** Ended, or given up. */
export const OVER = 5;

export type SeatState =
  | typeof IDLE
  | typeof CONNECTING
  | typeof ASKING
  | typeof JOINING
  | typeof OPEN
  | typeof OVER;

/** A seat that is to hear the round, and one whose session ended before it did. */
const EXPECTED = 1;
const MISSED = 2;
/** A count of receipts stops here. */
const MANY = 255;

export class ConnectionTable {
  readonly #states: Uint8Array;
  readonly #attempts: Uint8Array;
  /** ms of the agent's clock when the present attempt began. */
  readonly #begun: Float64Array;
  readonly #expected: Uint8Array;
  readonly #receipts: Uint8Array;
  readonly #latencies = new Histogram();
  #round = 0;
  #lastMicros = 0;
  #connected = 0;
  #over = 0;

  constructor(connections: number) {
    this.#states = new Uint8Array(connections);
    this.#attempts = new Uint8Array(connections);
    this.#begun = new Float64Array(connections);
    this.#expected = new Uint8Array(connections);
    this.#receipts = new Uint8Array(connections);
  }

  get connected(): number {
    return this.#connected;
  }

  /** Seats that are `OVER`. */
  get over(): number {
    return this.#over;
  }

  stateOf(seat: number): SeatState {
    return (this.#states[seat] ?? OVER) as SeatState;
  }

  move(seat: number, state: SeatState): void {
    const before = this.#states[seat];
    if (before === OPEN) this.#connected--;
    if (before === OVER) this.#over--;
    if (state === OPEN) this.#connected++;
    if (state === OVER) this.#over++;
    this.#states[seat] = state;
  }

  begin(seat: number, nowMs: number): void {
    this.move(seat, CONNECTING);
    this.#begun[seat] = nowMs;
    this.#attempts[seat] = (this.#attempts[seat] ?? 0) + 1;
  }

  /** The seat ends because it was told to: the round does not count it, if it has not heard it. */
  excuse(seat: number): void {
    if ((this.#receipts[seat] ?? 0) === 0) this.#expected[seat] = 0;
  }

  /** The seat has not begun, and has all its attempts again. What it has not heard is lost for it. */
  renew(seat: number): void {
    if (this.#expected[seat] === EXPECTED && (this.#receipts[seat] ?? 0) === 0) this.#expected[seat] = MISSED;
    this.move(seat, IDLE);
    this.#attempts[seat] = 0;
  }

  /** Attempts so far, the present one included. */
  attemptsOf(seat: number): number {
    return this.#attempts[seat] ?? 0;
  }

  begunAt(seat: number): number {
    return this.#begun[seat] ?? 0;
  }

  /** Begins a round: everything that is open now is to hear it once. */
  expect(round: number): void {
    this.#round = round;
    this.#lastMicros = 0;
    this.#latencies.clear();
    this.#receipts.fill(0);
    this.#states.forEach((state, seat) => {
      this.#expected[seat] = state === OPEN ? EXPECTED : 0;
    });
  }

  hear(seat: number, round: number, micros: number): void {
    if (round !== this.#round) return;
    const before = this.#receipts[seat] ?? 0;
    if (before < MANY) this.#receipts[seat] = before + 1;
    if (before > 0) return;
    this.#latencies.record(micros);
    if (micros > this.#lastMicros) this.#lastMicros = micros;
  }

  tally(): Tally {
    const counts = { expected: 0, once: 0, missing: 0, repeated: 0, lost: 0 };
    this.#expected.forEach((expected, seat) => {
      if (expected === 0) return;
      counts.expected++;
      const receipts = this.#receipts[seat] ?? 0;
      if (receipts === 1) counts.once++;
      else if (receipts > 1) counts.repeated++;
      else if (expected === EXPECTED && this.#states[seat] === OPEN) counts.missing++;
      else counts.lost++;
    });
    return {
      round: this.#round,
      ...counts,
      latencies: this.#latencies.toSparse(),
      lastMicros: this.#lastMicros,
    };
  }
}
