/**
 * Sockets from the primary: arrive with their request's head, by the pipe for handles (`piped-sockets.ts`) or
 * on the IPC channel, and become WebSockets or connections of the HTTP server. Those that the worker accepted
 * itself (`direct-door.ts`) go the same way from `take` on.
 *
 * With `piped-sockets.ts` the one file of the worker that knows how sockets travel; what follows sees a
 * socket and a request head. A plain request for a WebSocket or an event stream goes straight there, as a
 * bare handle. Every other one is injected into the HTTP server by @socket.io/sticky's worker half, which
 * also keeps its connection from being used for another session.
 * Counts what arrives, for the primary's view of what is on its way; that includes sockets which closed in
 * between and come without a handle.
 */
import { EventEmitter } from "node:events";
import type { Server } from "node:http";
import { Socket } from "node:net";
import { decodeTravel, type HandOffMessage } from "../link/hand-off-message.js";
import { asSocket, type Seat, type TcpHandle } from "../runtime/tcp-handle.js";
import { loadSetupWorker, type SetupWorker } from "./sticky.js";

/** Where sockets go. */
export interface SocketTaker {
  readonly server: Server;
  /** Takes a socket of a port that speaks TLS, with its ClientHello; false where the port does not. */
  takeEncrypted(seat: Seat, hello: string, ended: (() => void) | undefined): boolean;
  /**
   * Takes a plain request for a WebSocket or an event stream; false for any other, which is untouched then.
   */
  takeHandle(handle: TcpHandle, head: string, ended: (() => void) | undefined): boolean;
  /** Calls `ended` when the socket has closed. */
  watch(socket: Socket, ended: () => void): void;
}

/** What is used of `process`. */
export interface Channel extends EventEmitter {
  send?(message: string, handle: never, options: never, sent: () => void): boolean;
}

export class HandOffReceiver {
  readonly #channel: Channel;
  #taker: SocketTaker | undefined;
  #received = 0;
  /** Bounded by the connections that can end between two load reports. */
  readonly #departed: string[] = [];

  /** `channel` is `process`: `setupWorker` listens there, too. */
  constructor(channel: Channel) {
    this.#channel = channel;
    channel.on("message", (message: unknown, seat?: Seat) => {
      const note = decodeTravel(message);
      if (note?.kind === "handOff") this.#receive(note, seat);
      else if (note?.kind === "copy" && seat !== undefined)
        this.#sendBack(message as string, seat as TcpHandle);
    });
  }

  /** Where sockets go from now on. Call it once. */
  deliverTo(taker: SocketTaker, setupWorker: SetupWorker = loadSetupWorker()): void {
    this.#taker = taker;
    setupWorker({ httpServer: taker.server, engine: new EventEmitter() });
  }

  /** Hand-offs since the start. */
  get received(): number {
    return this.#received;
  }

  /** The addresses of connections that have ended since the last call, of those that came with one. */
  takeDeparted(): readonly string[] {
    return this.#departed.splice(0);
  }

  /**
   * Takes a socket with what was read of it, wherever it came from: latin1, so that one character is one byte
   * and what follows the head can be found again. `ended` is called when it has closed.
   */
  take(seat: Seat, head: string, ended: (() => void) | undefined): void {
    if (this.#taker?.takeEncrypted(seat, head, ended)) return;
    if (!(seat instanceof Socket) && this.#taker?.takeHandle(seat, head, ended)) return;
    const socket = asSocket(seat);
    if (ended !== undefined) this.#taker?.watch(socket, ended);
    const data = Buffer.from(head, "latin1");
    this.#channel.emit("message", { type: "sticky:connection", data }, socket);
  }

  /** One that came by the pipe for handles. */
  takePiped(handle: TcpHandle, head: string, address: string): void {
    this.#receive({ about: address, head }, handle);
  }

  #receive({ about: address, head }: Pick<HandOffMessage, "about" | "head">, seat: Seat | undefined): void {
    this.#received++;
    if (seat === undefined) {
      if (address !== "") this.#departed.push(address);
      return;
    }
    this.take(seat, head, address === "" ? undefined : () => this.#departed.push(address));
  }

  /** Gone from here once it is on its way: nothing here accepts on it. */
  #sendBack(message: string, handle: TcpHandle): void {
    this.#channel.send?.(message, handle as never, { swallowErrors: true } as never, () => handle.close());
  }
}
