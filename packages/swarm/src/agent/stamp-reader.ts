/**
 * Reads the stamps in what the server sent to the agent's seats, and when that came.
 *
 * Invariant: a message with the same bytes as the one before is not searched again: a broadcast is the same
 * bytes for every connection.
 */

import type { RunClock } from "../run-clock.js";
import { findStamps, type Stamp } from "../stamp.js";
import { latin1 } from "./wire.js";

const NO_BYTES = new Uint8Array(0);

export class StampReader {
  readonly #run: string;
  readonly #clock: RunClock;
  /** The last message that had a stamp. */
  #stamped: Uint8Array = NO_BYTES;
  #stamps: readonly Stamp[] = [];
  /** When the bytes that are being read came; 0 before it was asked for. */
  #readMicros = 0;

  /** `run`: stamps of other runs are passed over. */
  constructor(run: string, clock: RunClock) {
    this.#run = run;
    this.#clock = clock;
  }

  /** Other bytes have come, and are read from now on. */
  arrived(): void {
    this.#readMicros = 0;
  }

  /** Of the message that was taken last. */
  get stamps(): readonly Stamp[] {
    return this.#stamps;
  }

  /** Takes a message. Returns its text, unless its bytes are those of the message before. */
  take(bytes: Uint8Array, start: number, end: number): string | undefined {
    if (same(this.#stamped, bytes, start, end)) return undefined;
    const text = latin1(bytes, start, end);
    this.#stamps = findStamps(text, this.#run);
    this.#stamped = bytes.slice(start, end);
    return text;
  }

  /** The next message is searched, also where its bytes are the same. */
  forget(): void {
    this.#stamped = NO_BYTES;
  }

  /** From sending to the arrival of the bytes that are being read. */
  microsSince(sentMicros: number): number {
    this.#readMicros ||= this.#clock.micros();
    return this.#readMicros - sentMicros;
  }
}

function same(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let at = 0; at < known.length; at++) if (known[at] !== bytes[start + at]) return false;
  return true;
}
