/**
 * The unassigned: sockets whose head is whole and that no worker could take yet, in order.
 *
 * Owns the queue and its bytes; the door says which worker takes a socket. Invariants: a socket leaves from
 * the front alone, so that none overtakes another; `settled` is called once for each that has left, with what
 * became of it, except for those that `drain` gives back.
 */
import type { Clock } from "@holdfast/core";
import { Fifo } from "../runtime/fifo.js";
import type { Refused } from "./front-answers.js";
import type { PendingSocket } from "./pending-socket.js";

/** What became of a socket whose head is whole. */
export type Assignment = "assigned" | "later" | "healthy" | Refused;

export interface UnassignedEvents {
  /** Gives the socket to a worker, or says why not: `later` when no worker is there. */
  assign(socket: PendingSocket): Assignment;
  /** The socket has left. */
  settled(socket: PendingSocket, how: Exclude<Assignment, "later">): void;
}

export class Unassigned {
  readonly #events: UnassignedEvents;
  readonly #clock: Clock;
  readonly #sockets = new Fifo<PendingSocket>();
  #bytes = 0;

  constructor(events: UnassignedEvents, clock: Clock) {
    this.#events = events;
    this.#clock = clock;
  }

  get length(): number {
    return this.#sockets.length;
  }

  /** Bytes of their heads, and of what came right behind them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes one in. True: it has left already, as none waited before it. */
  add(socket: PendingSocket): boolean {
    this.#sockets.push(socket);
    this.#bytes += socket.head.length;
    if (this.#sockets.length === 1 && this.#settleFirst()) return true;
    socket.since = this.#clock.monotonic();
    return false;
  }

  /** Settles as many as it can. True: none is left. */
  settle(): boolean {
    while (this.#sockets.length > 0) if (!this.#settleFirst()) return false;
    return true;
  }

  /** Refuses those that have waited since `oldest`, monotonic ms, or for longer. */
  expire(oldest: number): void {
    for (let first = this.#sockets.first; first !== undefined && first.since <= oldest; ) {
      this.#shift();
      this.#events.settled(first, "no_worker");
      first = this.#sockets.first;
    }
  }

  /** Gives all back, in order. */
  drain(): readonly PendingSocket[] {
    this.#bytes = 0;
    return this.#sockets.drain();
  }

  /** Whether the first has left: to a worker or with an answer. */
  #settleFirst(): boolean {
    const socket = this.#sockets.first;
    const assignment = socket === undefined ? "later" : this.#events.assign(socket);
    if (socket === undefined || assignment === "later") return false;
    this.#shift();
    this.#events.settled(socket, assignment);
    return true;
  }

  #shift(): void {
    this.#bytes -= this.#sockets.shift()?.head.length ?? 0;
  }
}
