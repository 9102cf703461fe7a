/**
 * Sockets from the primary: arrive on the IPC channel with the bytes read so far, become connections of the HTTP
 * server.
 *
 * The one file of the worker that knows how sockets travel; what follows sees a socket and a request head.
 * The receiving itself is @socket.io/sticky's. Here is only the count that tells the primary which of its hand-offs
 * have arrived; it includes sockets that closed on the way, which come as messages without a socket.
 */
import { EventEmitter } from "node:events";
import type { Server } from "node:http";
import { loadSetupWorker, type SetupWorker } from "./sticky.js";

export class HandOffReceiver {
  #received = 0;

  /** `channel` is `process`: `setupWorker` listens there, too. */
  constructor(channel: EventEmitter) {
    channel.on("message", (message: { readonly type?: unknown }) => {
      if (message.type === "sticky:connection") this.#received++;
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
}
