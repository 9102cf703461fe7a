/**
 * The hand-offs by Node's IPC channel, to one worker or from a worker to its primary: a queue of sockets, one
 * on its way at a time. Bare handles go to a worker by a pipe of their own instead (`piped-hand-offs.ts`).
 *
 * Node passes one handle at a time over a channel and copies its whole queue at each acknowledgement, which
 * makes a burst quadratic (docs/adr/0003-front-door.md); with one under way Node's queue stays empty and ours
 * is linear. Invariant: a socket is closed here only after the worker has it; those that a worker does not
 * have can be taken back and go to another. That is exact only when the channel was read to its end: an
 * acknowledgement may still be in it.
 */
import type { Clock } from "@holdfast/core";
import { encodeTravel, type TravelKind } from "../link/hand-off-message.js";
import { Fifo } from "../runtime/fifo.js";
import { parcelOf, type TcpHandle } from "../runtime/tcp-handle.js";
import { PendingSocket } from "./pending-socket.js";

/** What Node's channel sends back for a handle. Not documented, the same since Node 0.6. */
interface ChannelMessage {
  readonly cmd?: string;
}

/** One end of an IPC channel, as `process` of a cluster's worker and as this process itself. */
export interface HandOffPeer {
  readonly process: {
    on(event: "internalMessage", listener: (message: ChannelMessage) => void): unknown;
    send?(message: string, handle: never, options: never, sent: () => void): boolean;
  };
}

export interface HandOffEvents {
  /** The worker has one more, and the queue is one shorter. Never called from inside `push`. */
  taken(): void;
  /** The worker could not receive it, `MAX_TRIES` times: it may have no descriptor free. Ours again. */
  undeliverable(socket: PendingSocket): void;
}

const MAX_TRIES = 3;
/** `keepOpen`: a socket's handle stays ours until the worker has it. A bare handle always does. */
const SEND_OPTIONS = { swallowErrors: true, keepOpen: true };

/**
 * What the other end is given: the bare handle, or an ordinary socket of Node's making (for a worker that
 * takes nothing that Node does not document).
 */
export type TravelsAs = "handle" | "socket";

/** A listening handle, to be copied by its way there and back. */
interface Copy {
  readonly handle: TcpHandle;
  readonly port: number;
}

export class HandOffs {
  readonly #worker: HandOffPeer;
  readonly #events: HandOffEvents;
  readonly #clock: Clock;
  readonly #kind: TravelKind;
  readonly #as: TravelsAs;
  readonly #queue = new Fifo<PendingSocket>();
  readonly #copies = new Fifo<Copy>();
  /** One thing at a time over the channel: a socket, or a listening handle that comes back. */
  #underWay: PendingSocket | Copy | undefined;
  /** Since when, monotonic ms, and how often it was sent. */
  #since = 0;
  #tries = 0;

  /** `kind`: what the other end is to do with the sockets. */
  constructor(
    worker: HandOffPeer,
    events: HandOffEvents,
    clock: Clock,
    kind: TravelKind = "handOff",
    as: TravelsAs = "handle",
  ) {
    this.#as = as;
    this.#worker = worker;
    this.#events = events;
    this.#clock = clock;
    this.#kind = kind;
    worker.process.on("internalMessage", ({ cmd }: ChannelMessage) => {
      if (cmd === "NODE_HANDLE_ACK") this.#acknowledged();
      else if (cmd === "NODE_HANDLE_NACK") this.#lost();
    });
  }

  /** Sockets that the worker does not have yet. */
  get waiting(): number {
    return this.#queue.length + (this.#underWay instanceof PendingSocket ? 1 : 0);
  }

  /** How long the one under way has been waiting for the worker, ms. */
  get waitingMs(): number {
    return this.#underWay === undefined ? 0 : this.#clock.monotonic() - this.#since;
  }

  push(socket: PendingSocket): void {
    this.#queue.push(socket);
    if (this.#underWay === undefined) this.#next();
  }

  /**
   * Has the worker send a copy of a listening handle back, before the sockets that wait. Lost with the
   * worker.
   */
  copy(handle: TcpHandle, port: number): void {
    this.#copies.push({ handle, port });
    if (this.#underWay === undefined) this.#next();
  }

  /** Takes back, in order, what has not been sent. For a worker that has stopped taking sockets. */
  takeBackQueued(): readonly PendingSocket[] {
    return this.#queue.drain();
  }

  /** Takes back everything that the worker does not have, in order. For a worker that is gone. */
  takeBack(): readonly PendingSocket[] {
    const what = this.#underWay;
    this.#underWay = undefined;
    return what instanceof PendingSocket ? [what, ...this.takeBackQueued()] : this.takeBackQueued();
  }

  #next(): void {
    this.#underWay = this.#copies.shift() ?? this.#queue.shift();
    if (this.#underWay === undefined) return;
    this.#since = this.#clock.monotonic();
    this.#tries = 1;
    this.#send(this.#underWay);
  }

  #send(what: PendingSocket | Copy): void {
    const text =
      what instanceof PendingSocket
        ? encodeTravel(this.#kind, what.address, what.head)
        : encodeTravel("copy", String(what.port), "");
    const isSocket = this.#as === "socket" && what instanceof PendingSocket;
    const travels = isSocket ? parcelOf(what.handle) : what.handle;
    // A failed send is followed by the worker's end, which takes the socket back.
    this.#worker.process.send?.(text, travels as never, SEND_OPTIONS as never, ignore);
  }

  #acknowledged(): void {
    const taken = this.#underWay;
    if (taken === undefined) return;
    // First the next, for which the worker waits. A listening handle stays in use here.
    this.#next();
    if (taken instanceof PendingSocket) taken.handle.close();
    this.#events.taken();
  }

  /** The descriptor was lost on the way. */
  #lost(): void {
    const lost = this.#underWay;
    if (lost === undefined) return;
    if (this.#tries < MAX_TRIES) {
      this.#tries++;
      return this.#send(lost);
    }
    this.#next();
    if (lost instanceof PendingSocket) this.#events.undeliverable(lost);
  }
}

function ignore(): void {}
