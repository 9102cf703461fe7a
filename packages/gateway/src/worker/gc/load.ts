/**
 * Load reports: tells the primary how busy this worker is, when that has changed, at most every
 * `LOAD_INTERVAL_MS`.
 */
import type { Clock, Timer } from "@holdfast/core";
import { LOAD_INTERVAL_MS, type Load } from "../../link/messages.js";

/** A loop that is late by a few ms more or less is not news. */
const NOTABLE_DELAY_MS = 10;

export class LoadReporter {
  readonly #read: () => Load;
  readonly #send: (load: Load) => void;
  readonly #timer: Timer;
  #last: Load | undefined;

  /** The first report goes out at once. */
  constructor(clock: Clock, read: () => Load, send: (load: Load) => void) {
    this.#read = read;
    this.#send = send;
    this.report();
    this.#timer = clock.every(LOAD_INTERVAL_MS, () => this.report());
  }

  /** Idempotent. */
  close(): void {
    this.#timer.cancel();
  }

  /** Sends what has changed now instead of with the next tick. */
  report(): void {
    const load = this.#read();
    if (this.#last !== undefined && !differs(load, this.#last)) return;
    this.#last = load;
    this.#send(load);
  }
}

function differs(load: Load, last: Load): boolean {
  return (
    load.sockets !== last.sockets ||
    load.received !== last.received ||
    load.connections !== last.connections ||
    load.broker !== last.broker ||
    load.partsAway?.join() !== last.partsAway?.join() ||
    Math.abs(load.loopDelayMs - last.loopDelayMs) >= NOTABLE_DELAY_MS
  );
}
