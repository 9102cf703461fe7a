/**
 * Kept polls: what connections have sent that cannot be worked off yet, as bytes.
 *
 * A fan-out is answered in slices, and clients whose answer has come poll again while others still wait for
 * theirs. Those returns are kept and worked off behind the answers, in slices as well: else each answer would
 * wait for the returns of those before it. So are requests that a client sends before it was answered.
 * Invariants: what is kept has a limit of bytes in all; what is to be worked off waits for one fan-out at
 * most, whatever else is published meanwhile, and for a second of it where new sessions never let it end.
 */
import type { Clock } from "@holdfast/core";
import { Fifo } from "../../runtime/fifo.js";

/** Whose input is kept. */
export interface KeptPoll {
  /** Works it off. */
  goOn(): void;
}

/** What all of it may take. A poll is a kilobyte. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Of what a read is kept in, beside its bytes. */
const OVERHEAD_BYTES = 256;
/** How long one stretch may hold the event loop, ms. */
const SLICE_MS = 5;
/** How long what is kept waits for a fan-out, ms: sessions that are opened meanwhile are part of it. */
const MAX_WAIT_MS = 1_000;

export class KeptPolls<Poll extends KeptPoll = KeptPoll> {
  readonly #clock: Pick<Clock, "monotonic" | "defer">;
  readonly #fanOut: () => number;
  readonly #maxBytes: number;
  readonly #due = new Fifo<Poll>();
  /** How many of them have their turn, once a fan-out is over. */
  #turn = 0;
  /** Since when those wait that have the next turn, monotonic ms. */
  #since = 0;
  #isSet = false;
  #bytes = 0;

  /** `fanOut`: a number for the fan-out to polls that is under way; 0 while there is none. */
  constructor(clock: Pick<Clock, "monotonic" | "defer">, fanOut: () => number, maxBytes = MAX_BYTES) {
    this.#clock = clock;
    this.#fanOut = fanOut;
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get fanOut(): number {
    return this.#fanOut();
  }

  /** Counts a read that is kept; returns what it counts as, 0 where there is no room for it. */
  hold(bytes: number): number {
    const held = bytes + OVERHEAD_BYTES;
    if (this.#bytes + held > this.#maxBytes) return 0;
    this.#bytes += held;
    return held;
  }

  /** `held`: what `hold` has returned, summed. */
  release(held: number): void {
    this.#bytes -= held;
  }

  /** Calls `goOn` behind the answers that are being given. */
  later(poll: Poll): void {
    if (this.#due.length === 0) this.#since = this.#clock.monotonic();
    this.#due.push(poll);
    if (!this.#isSet) this.#set();
  }

  #set(): void {
    this.#isSet = true;
    this.#clock.defer(() => this.#work());
  }

  #work(): void {
    this.#isSet = false;
    // What they are answered with begins another fan-out, for which the rest of the turn does not wait.
    const now = this.#clock.monotonic();
    if (this.#turn === 0 && (this.#fanOut() === 0 || now - this.#since >= MAX_WAIT_MS)) {
      this.#turn = this.#due.length;
      this.#since = now;
    }
    const deadline = now + SLICE_MS;
    for (let done = 1; this.#turn > 0; done++) {
      this.#turn--;
      this.#due.shift()?.goOn();
      if (done % 16 === 0 && this.#clock.monotonic() >= deadline) break;
    }
    if (this.#due.length > 0 && !this.#isSet) this.#set();
  }
}
