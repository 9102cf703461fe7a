/**
 * The read budget of a process: how many bytes connections may bring in a turn of the event loop, each and
 * all together.
 *
 *     reading ──too much in this turn──► waiting ──its turn──► reading
 *
 * libuv reads up to 32 times 64 KiB of one handle before it looks at the next, so a few clients that send as
 * fast as they can would hold the loop for all others, and many clients that each stay below that would, too.
 * A handle that has used up its budget waits, and so does one that brings much when all together have. Those
 * that wait go on in the order in which they came, as many in a turn as have room. Small reads are free: each
 * is the last one of its handle in the turn, so quiet connections never wait. Invariants: nothing that a
 * handle sent is lost, since it waits in the kernel; every handle that waits goes on, however many others
 * bring much. Costs a comparison for a small read, and nothing for each connection.
 */
import { Fifo } from "./fifo.js";

/** What is stopped and started. Both do nothing to a handle that was closed meanwhile. */
export interface Readable {
  readStop(): unknown;
  readStart(): unknown;
}

export interface ReadBudgetOptions {
  /** Bytes of one handle in a turn. Default: two full reads; a message of `maxPayload` fits into one. */
  readonly maxBytes?: number;
  /** Bytes of all handles together in a turn. */
  readonly maxTurnBytes?: number;
  /** Reads of fewer bytes are free. */
  readonly smallBytes?: number;
  /** Called for each handle that is stopped. */
  readonly paused?: () => void;
}

/** A handle that waits, and what it brought in the turn in which it was stopped. */
interface Waiting {
  readonly handle: Readable;
  readonly bytes: number;
}

const KIB = 1024;

export class ReadBudget {
  readonly #maxBytes: number;
  readonly #maxTurnBytes: number;
  readonly #smallBytes: number;
  readonly #paused: () => void;
  /** The handle that was read last, and the bytes that it brought since another one was. */
  #last: Readable | undefined;
  #bytes = 0;
  #turnBytes = 0;
  readonly #waiting = new Fifo<Waiting>();
  #turn: "idle" | "begun" = "idle";

  constructor({
    maxBytes = 128 * KIB,
    maxTurnBytes = 512 * KIB,
    smallBytes = 8 * KIB,
    paused = () => {},
  }: ReadBudgetOptions = {}) {
    this.#maxBytes = maxBytes;
    this.#maxTurnBytes = maxTurnBytes;
    this.#smallBytes = smallBytes;
    this.#paused = paused;
  }

  /** Handles that wait for a later turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** The handle brought bytes, or what is as much work. Stops it where there is no room for more of it. */
  read(handle: Readable, bytes: number): void {
    if (bytes < this.#smallBytes) return;
    if (this.#turn === "idle") this.#beginTurn();
    if (handle !== this.#last) {
      this.#last = handle;
      this.#bytes = 0;
    }
    this.#bytes += bytes;
    this.#turnBytes += bytes;
    if (this.#bytes >= this.#maxBytes || this.#turnBytes >= this.#maxTurnBytes) this.#stop(handle);
  }

  #stop(handle: Readable): void {
    this.#waiting.push({ handle, bytes: this.#bytes });
    this.#last = undefined;
    handle.readStop();
    this.#paused();
  }

  /** What is set for the end of a turn runs when all handles have been looked at. */
  #beginTurn(): void {
    this.#turn = "begun";
    setImmediate(() => this.#endTurn());
  }

  #endTurn(): void {
    this.#turn = "idle";
    this.#last = undefined;
    this.#turnBytes = 0;
    for (let room = this.#maxTurnBytes; room > 0; ) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      next.handle.readStart();
      room -= next.bytes;
    }
    if (this.#waiting.length > 0) this.#beginTurn();
  }
}
