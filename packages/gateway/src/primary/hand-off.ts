/**
 * The hand-offs to one worker: a queue of sockets, one on its way at a time.
 *
 * Node passes one handle at a time over a channel and copies its whole queue at each acknowledgement, which makes a
 * burst quadratic (docs/adr/0003-front-door.md); with one under way Node's queue stays empty and ours is linear.
 * Invariant: a socket is closed here only after the worker has it; those that a dead worker did not acknowledge are
 * returned and go to another.
 */
import type { Worker } from "node:cluster";
import { HAND_OFF, type HandOffMessage } from "../messages.js";
import type { PendingSocket } from "./pending-socket.js";

/** What Node's channel sends back for a handle. Not documented, the same since Node 0.6. */
interface ChannelMessage {
  readonly cmd?: string;
}

const MAX_TRIES = 3;

export class HandOffs {
  readonly #worker: Worker;
  readonly #onRoom: () => void;
  readonly #queue: PendingSocket[] = [];
  /** First of `#queue` that has not been taken: shifting an array of thousands would copy it. */
  #first = 0;
  #underWay: PendingSocket | undefined;
  #tries = 0;

  /** `onRoom` is called when a socket has left the queue. */
  constructor(worker: Worker, onRoom: () => void) {
    this.#worker = worker;
    this.#onRoom = onRoom;
    worker.process.on("internalMessage", ({ cmd }: ChannelMessage) => {
      if (cmd === "NODE_HANDLE_ACK") this.#acknowledged();
      else if (cmd === "NODE_HANDLE_NACK") this.#refused();
    });
  }

  /** Sockets that the worker does not have yet. */
  get waiting(): number {
    return this.#queue.length - this.#first + (this.#underWay === undefined ? 0 : 1);
  }

  push(socket: PendingSocket): void {
    this.#queue.push(socket);
    if (this.#underWay === undefined) this.#next();
  }

  /** Takes back everything that the worker does not have, in order. For a worker that is gone. */
  takeBack(): readonly PendingSocket[] {
    const queued = this.#queue.slice(this.#first);
    const all = this.#underWay === undefined ? queued : [this.#underWay, ...queued];
    this.#queue.length = 0;
    this.#first = 0;
    this.#underWay = undefined;
    return all;
  }

  #next(): void {
    const socket = this.#queue[this.#first];
    if (socket === undefined) {
      this.#queue.length = 0;
      this.#first = 0;
      return;
    }
    this.#first++;
    this.#underWay = socket;
    this.#tries = 1;
    this.#send(socket);
    this.#onRoom();
  }

  #send(socket: PendingSocket): void {
    // A failed send is followed by the worker's end, which takes the socket back.
    const message: HandOffMessage = { type: HAND_OFF, head: socket.head };
    this.#worker.process.send(message, socket.handle as never, { swallowErrors: true } as never, () => {});
  }

  #acknowledged(): void {
    this.#underWay?.handle.close();
    this.#underWay = undefined;
    this.#next();
  }

  /** The descriptor was lost on the way (the worker had none free, say). After the last try the socket is closed. */
  #refused(): void {
    const socket = this.#underWay;
    if (socket === undefined) return;
    this.#tries++;
    if (this.#tries <= MAX_TRIES) this.#send(socket);
    else this.#acknowledged();
  }
}
