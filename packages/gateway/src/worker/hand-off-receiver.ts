/**
 * Sockets from the primary: arrive on the IPC channel with their request's head, become connections of the HTTP server.
 *
 * The one file of the worker that knows how sockets travel; what follows sees a socket and a request head. The
 * injection into the server is that of @socket.io/sticky's worker half; it expects a `net.Socket` where the primary
 * sends the bare handle, so the socket is made here. Counts what arrives, for the primary's view of what is on its
 * way; that includes sockets which closed in between and come without a handle.
 */
import { EventEmitter } from "node:events";
import type { Server } from "node:http";
import { HAND_OFF, type HandOffMessage } from "../messages.js";
import { socketOf, type TcpHandle } from "../tcp-handle.js";
import { loadSetupWorker, type SetupWorker } from "./sticky.js";

export class HandOffReceiver {
  readonly #channel: EventEmitter;
  #received = 0;

  /** `channel` is `process`: `setupWorker` listens there, too. */
  constructor(channel: EventEmitter) {
    this.#channel = channel;
    channel.on("message", (message: Partial<HandOffMessage>, handle?: TcpHandle) => {
      if (message.type === HAND_OFF && message.head !== undefined) this.#receive(message.head, handle);
    });
  }

  /** From now on sockets become connections of `server`. Call it once. */
  deliverTo(server: Server, setupWorker: SetupWorker = loadSetupWorker()): void {
    setupWorker({ httpServer: server, engine: new EventEmitter() });
  }

  /** Hand-offs since the start. */
  get received(): number {
    return this.#received;
  }

  #receive(head: Uint8Array, handle: TcpHandle | undefined): void {
    this.#received++;
    if (handle === undefined) return;
    this.#channel.emit("message", { type: "sticky:connection", data: head }, socketOf(handle));
  }
}
