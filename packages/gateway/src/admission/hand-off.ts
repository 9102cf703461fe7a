/**
 * The hand-offs to one worker, or from a worker to its primary: a queue of sockets, one on its way at a time.
 *
 * Node passes one handle at a time over a channel and copies its whole queue at each acknowledgement, which makes a
 * burst quadratic (docs/adr/0003-front-door.md); with one under way Node's queue stays empty and ours is linear.
 * Invariant: a socket is closed here only after the worker has it; those that a worker does not have can be taken back
 * and go to another. That is exact only when the channel was read to its end: an acknowledgement may still be in it.
 */
import type { Clock } from "@holdfast/core";
import {
  COPY_LISTEN_HANDLE,
  type CopyListenHandle,
  HAND_OFF,
  type HandOffMessage,
  type MisplacedMessage,
} from "../messages.js";
import type { TcpHandle } from "../tcp-handle.js";
import { PendingSocket } from "./pending-socket.js";

/** What Node's channel sends back for a handle. Not documented, the same since Node 0.6. */
interface ChannelMessage {
  readonly cmd?: string;
}

/** One end of an IPC channel, as `process` of a cluster's worker and as this process itself. */
export interface HandOffPeer {
  readonly process: {
    on(event: "internalMessage", listener: (message: ChannelMessage) => void): unknown;
    send?(message: object, handle: never, options: never, sent: () => void): boolean;
  };
}

export interface HandOffEvents {
  /** The worker has one more, and the queue is one shorter. Never called from inside `push`. */
  taken(): void;
  /** The worker could not receive it, `MAX_TRIES` times: it may have no descriptor free. Ours again. */
  undeliverable(socket: PendingSocket): void;
}

const MAX_TRIES = 3;

/** A listening handle, to be copied by its way there and back. */
interface Copy {
  readonly handle: TcpHandle;
  readonly message: CopyListenHandle;
}

export class HandOffs {
  readonly #worker: HandOffPeer;
  readonly #events: HandOffEvents;
  readonly #clock: Clock;
  readonly #type: (HandOffMessage | MisplacedMessage)["type"];
  #queue: PendingSocket[] = [];
  /** First of `#queue` that has not been taken: shifting an array of thousands would copy it. */
  #first = 0;
  readonly #copies: Copy[] = [];
  /** One thing at a time over the channel: a socket, or a listening handle that comes back. */
  #underWay: { readonly what: PendingSocket | Copy; readonly since: number; tries: number } | undefined;

  /** `type` is that of the messages which the sockets come with. */
  constructor(
    worker: HandOffPeer,
    events: HandOffEvents,
    clock: Clock,
    type: (HandOffMessage | MisplacedMessage)["type"] = HAND_OFF,
  ) {
    this.#worker = worker;
    this.#events = events;
    this.#clock = clock;
    this.#type = type;
    worker.process.on("internalMessage", ({ cmd }: ChannelMessage) => {
      if (cmd === "NODE_HANDLE_ACK") this.#acknowledged();
      else if (cmd === "NODE_HANDLE_NACK") this.#lost();
    });
  }

  /** Sockets that the worker does not have yet. */
  get waiting(): number {
    return this.#queue.length - this.#first + (this.#underWay?.what instanceof PendingSocket ? 1 : 0);
  }

  /** How long the one under way has been waiting for the worker, ms. */
  get waitingMs(): number {
    return this.#underWay === undefined ? 0 : this.#clock.monotonic() - this.#underWay.since;
  }

  push(socket: PendingSocket): void {
    this.#queue.push(socket);
    if (this.#underWay === undefined) this.#next();
  }

  /** Has the worker send a copy of a listening handle back, before the sockets that wait. Lost with the worker. */
  copy(handle: TcpHandle, port: number): void {
    this.#copies.push({ handle, message: { type: COPY_LISTEN_HANDLE, port } });
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
    const what = this.#underWay?.what;
    this.#underWay = undefined;
    return what instanceof PendingSocket ? [what, ...queued] : queued;
  }

  #next(): void {
    const what = this.#copies.shift() ?? this.#queue[this.#first];
    if (what === undefined) {
      this.#queue = [];
      this.#first = 0;
      return;
    }
    if (what instanceof PendingSocket) this.#first++;
    this.#underWay = { what, since: this.#clock.monotonic(), tries: 1 };
    this.#send(what);
  }

  #send(what: PendingSocket | Copy): void {
    // A failed send is followed by the worker's end, which takes the socket back.
    const message = what instanceof PendingSocket ? this.#message(what) : what.message;
    this.#worker.process.send?.(message, what.handle as never, { swallowErrors: true } as never, () => {});
  }

  /** The head as text: Node passes a line of JSON at a fraction of what its serializer of Buffers costs. */
  #message({ head: bytes, address }: PendingSocket): HandOffMessage | MisplacedMessage {
    const head = bytes.toString("latin1");
    return address === "" ? { type: this.#type, head } : { type: this.#type, head, address };
  }

  #acknowledged(): void {
    const taken = this.#underWay;
    if (taken === undefined) return;
    // A listening handle stays in use here.
    if (taken.what instanceof PendingSocket) taken.what.handle.close();
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
      return this.#send(lost.what);
    }
    this.#underWay = undefined;
    this.#next();
    if (lost.what instanceof PendingSocket) this.#events.undeliverable(lost.what);
  }
}
