/**
 * The hand-offs to one worker: a queue of sockets, one on its way at a time.
 *
 * Node passes one handle at a time over a channel and copies its whole queue at each acknowledgement, which makes a
 * burst quadratic (docs/adr/0003-front-door.md); with one under way Node's queue stays empty and ours is linear.
 * Invariant: a socket is closed here only after the worker has it; those that a worker does not have can be taken back
 * and go to another. That is exact only when the channel was read to its end: an acknowledgement may still be in it.
 */
import type { Worker } from "node:cluster";
import type { Clock } from "@holdfast/core";
import { HAND_OFF, type HandOffMessage } from "../messages.js";
import type { PendingSocket } from "./pending-socket.js";

/** What Node's channel sends back for a handle. Not documented, the same since Node 0.6. */
interface ChannelMessage {
  readonly cmd?: string;
}

export interface HandOffEvents {
  /** The worker has one more, and the queue is one shorter. Never called from inside `push`. */
  taken(): void;
  /** The worker could not receive it, `MAX_TRIES` times: it may have no descriptor free. Ours again. */
  undeliverable(socket: PendingSocket): void;
}

const MAX_TRIES = 3;

export class HandOffs {
  readonly #worker: Pick<Worker, "process">;
  readonly #events: HandOffEvents;
  readonly #clock: Clock;
  #queue: PendingSocket[] = [];
  /** First of `#queue` that has not been taken: shifting an array of thousands would copy it. */
  #first = 0;
  #underWay: { readonly socket: PendingSocket; readonly since: number; tries: number } | undefined;

  constructor(worker: Pick<Worker, "process">, events: HandOffEvents, clock: Clock) {
    this.#worker = worker;
    this.#events = events;
    this.#clock = clock;
    worker.process.on("internalMessage", ({ cmd }: ChannelMessage) => {
      if (cmd === "NODE_HANDLE_ACK") this.#acknowledged();
      else if (cmd === "NODE_HANDLE_NACK") this.#lost();
    });
  }

  /** Sockets that the worker does not have yet. */
  get waiting(): number {
    return this.#queue.length - this.#first + (this.#underWay === undefined ? 0 : 1);
  }

  /** How long the one under way has been waiting for the worker, ms. */
  get waitingMs(): number {
    return this.#underWay === undefined ? 0 : this.#clock.monotonic() - this.#underWay.since;
  }

  push(socket: PendingSocket): void {
    this.#queue.push(socket);
    if (this.#underWay === undefined) this.#next();
  }

  /** Takes back, in order, what has not been sent. For a worker that has stopped taking sockets. */
  takeBackQueued(): readonly PendingSocket[] {
    const queued = this.#queue.slice(this.#first);
    this.#queue = [];
    this.#first = 0;
    return queued;
  }

  /** Takes back everything that the worker does not have, in order. For a worker that is gone. */
  takeBack(): readonly PendingSocket[] {
    const queued = this.takeBackQueued();
    const all = this.#underWay === undefined ? queued : [this.#underWay.socket, ...queued];
    this.#underWay = undefined;
    return all;
  }

  #next(): void {
    const socket = this.#queue[this.#first];
    if (socket === undefined) {
      this.#queue = [];
      this.#first = 0;
      return;
    }
    this.#first++;
    this.#underWay = { socket, since: this.#clock.monotonic(), tries: 1 };
    this.#send(socket);
  }

  #send(socket: PendingSocket): void {
    // A failed send is followed by the worker's end, which takes the socket back.
    const { head, address } = socket;
    const message: HandOffMessage =
      address === "" ? { type: HAND_OFF, head } : { type: HAND_OFF, head, address };
    this.#worker.process.send(message, socket.handle as never, { swallowErrors: true } as never, () => {});
  }

  #acknowledged(): void {
    const taken = this.#underWay;
    if (taken === undefined) return;
    taken.socket.handle.close();
    this.#underWay = undefined;
    this.#next();
    this.#events.taken();
  }

  /** The descriptor was lost on the way. */
  #lost(): void {
    const lost = this.#underWay;
    if (lost === undefined) return;
    if (lost.tries < MAX_TRIES) {
      lost.tries++;
      return this.#send(lost.socket);
    }
    this.#underWay = undefined;
    this.#next();
    this.#events.undeliverable(lost.socket);
  }
}
