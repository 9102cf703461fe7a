/**
 * What transports share that agreed on permessage-deflate with the same window: the home of all, with another
 * framing.
 *
 * A connection knows by its home alone that it is compressed, so that it is no larger than any other.
 * Invariant: one for each size of the window, hence at most seven.
 */
import type { Framing, Metrics } from "@holdfast/core";
import type { UnfinishedMessages } from "../sockets/unfinished-messages.js";
import type { TransportHome, WebSocketTransport } from "./transport.js";

export class DeflatingHome implements TransportHome {
  readonly inflates = true;
  readonly framing: Framing;
  readonly io: TransportHome["io"];
  readonly maxPayload: number;
  readonly metrics: Pick<Metrics, "add">;
  readonly unfinished: UnfinishedMessages;
  readonly #home: TransportHome;

  constructor(home: TransportHome, framing: Framing) {
    this.#home = home;
    this.framing = framing;
    this.io = home.io;
    this.maxPayload = home.maxPayload;
    this.metrics = home.metrics;
    this.unfinished = home.unfinished;
  }

  gather(transport: WebSocketTransport, bytes: Uint8Array): boolean {
    return this.#home.gather(transport, bytes);
  }

  gone(transport: WebSocketTransport): void {
    this.#home.gone(transport);
  }

  refuse(transport: WebSocketTransport, say: () => void): void {
    this.#home.refuse(transport, say);
  }

  hurry(transport: WebSocketTransport): void {
    this.#home.hurry(transport);
  }

  leaving(transport: WebSocketTransport): void {
    this.#home.leaving(transport);
  }
}
