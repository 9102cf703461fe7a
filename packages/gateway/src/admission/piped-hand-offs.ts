/**
 * The hand-offs to one worker by a pipe of their own: a queue of sockets, several on their way at a time.
 *
 * How many depends on what the worker has shown to take: one at rest, and one more for each that it has taken
 * since, up to `PLACES`. So a worker that stands still keeps one socket from the others, as on Node's channel
 * (`hand-off.ts`), or as many as it took at once a moment before. Invariants: a socket is closed here only
 * after the worker has it; those that a worker does not have can be taken back and go to another. That is
 * exact only when the pipe was read to its end: a receipt may still be in it.
 */
import type { Clock } from "@holdfast/core";
import { decodeReceipt, encodeParcel, PLACES } from "../link/parcels.js";
import { Fifo } from "../runtime/fifo.js";
import type { HandlePipe } from "../runtime/handle-pipe.js";
import type { TcpHandle } from "../runtime/tcp-handle.js";
import type { HandOffEvents } from "./hand-off.js";
import type { PendingSocket } from "./pending-socket.js";

const MAX_TRIES = 3;

/** One that is under way. */
interface UnderWay {
  readonly socket: PendingSocket;
  tries: number;
}

export class PipedHandOffs {
  readonly #pipe: Pick<HandlePipe, "send">;
  readonly #events: HandOffEvents;
  readonly #clock: Clock;
  readonly #queue = new Fifo<PendingSocket>();
  /** By place. */
  readonly #underWay: (UnderWay | undefined)[] = Array.from({ length: PLACES }, () => undefined);
  #count = 0;
  /** How many may be under way now. */
  #window = 1;
  /** Since when the worker has taken none of those, monotonic ms. */
  #since = 0;

  constructor(pipe: Pick<HandlePipe, "send">, events: HandOffEvents, clock: Clock) {
    this.#pipe = pipe;
    this.#events = events;
    this.#clock = clock;
  }

  /** Sockets that the worker does not have yet. */
  get waiting(): number {
    return this.#queue.length + this.#count;
  }

  /** How long those under way have been waiting for the worker to take one, ms. */
  get waitingMs(): number {
    return this.#count === 0 ? 0 : this.#clock.monotonic() - this.#since;
  }

  push(socket: PendingSocket): void {
    this.#queue.push(socket);
    this.#fill();
  }

  /** Takes back, in order, what has not been sent. For a worker that has stopped taking sockets. */
  takeBackQueued(): readonly PendingSocket[] {
    return this.#queue.drain();
  }

  /** Takes back everything that the worker does not have, what was under way first. For one that is gone. */
  takeBack(): readonly PendingSocket[] {
    const back: PendingSocket[] = [];
    for (const [place, each] of this.#underWay.entries()) {
      if (each !== undefined) back.push(each.socket);
      this.#underWay[place] = undefined;
    }
    this.#count = 0;
    return [...back, ...this.takeBackQueued()];
  }

  /** What the worker says of those under way: see `link/parcels.ts`. */
  answered(receipts: Uint8Array): void {
    const taken: PendingSocket[] = [];
    const lost: PendingSocket[] = [];
    for (const code of receipts) {
      const { place, has } = decodeReceipt(code);
      const one = this.#underWay[place];
      if (one === undefined) continue;
      if (!has && one.tries < MAX_TRIES) {
        one.tries++;
        this.#send(place, one.socket);
        continue;
      }
      this.#underWay[place] = undefined;
      this.#count--;
      (has ? taken : lost).push(one.socket);
    }
    this.#since = this.#clock.monotonic();
    this.#window = Math.min(PLACES, this.#window + taken.length);
    // First the next, for which the worker waits.
    this.#fill();
    if (this.#count === 0) this.#window = 1;
    for (const { handle } of taken) handle.close();
    if (taken.length > 0) this.#events.taken();
    for (const socket of lost) this.#events.undeliverable(socket);
  }

  /** It was not sent after all. */
  unsent(handle: TcpHandle): void {
    const place = this.#underWay.findIndex((each) => each?.socket.handle === handle);
    const one = this.#underWay[place];
    if (one === undefined) return;
    this.#underWay[place] = undefined;
    this.#count--;
    this.#fill();
    this.#events.undeliverable(one.socket);
  }

  #fill(): void {
    while (this.#count < this.#window) {
      const socket = this.#queue.shift();
      if (socket === undefined) return;
      if (this.#count === 0) this.#since = this.#clock.monotonic();
      const place = this.#underWay.indexOf(undefined);
      this.#underWay[place] = { socket, tries: 1 };
      this.#count++;
      this.#send(place, socket);
    }
  }

  #send(place: number, { address, head, handle }: PendingSocket): void {
    // No other follows before the worker has said that it has this one.
    const alone = this.#count === 1 && this.#window === 1;
    this.#pipe.send(encodeParcel({ place, alone, address, head }), handle);
  }
}
