/**
 * Sockets of a port that speaks TLS: those that were handed over with their ClientHello, until they are
 * secure.
 *
 * The handshake is `TlsAcceptor`'s, what follows the HTTP server's. Invariant: `ended` is called when the
 * connection has closed, whatever it was by then.
 */
import { asSocket, type Seat } from "../runtime/tcp-handle.js";
import { TlsAcceptor, type TlsEvents } from "./tls-acceptor.js";
import type { TlsMaterial } from "./tls-material.js";

export class TlsSockets {
  readonly #acceptor: TlsAcceptor;

  /** A handshake is ended after `timeoutMs`. */
  constructor(material: TlsMaterial, timeoutMs: number, events: TlsEvents) {
    this.#acceptor = new TlsAcceptor(material, timeoutMs, events);
  }

  /** Handshakes under way. */
  get handshaking(): number {
    return this.#acceptor.handshaking;
  }

  /** Takes ownership of a socket or a handle. `hello`: what was read of it, as latin1. */
  take(seat: Seat, hello: string, ended: (() => void) | undefined): void {
    const socket = asSocket(seat);
    if (ended !== undefined) socket.once("close", ended);
    socket.unshift(Buffer.from(hello, "latin1"));
    this.#acceptor.accept(socket);
  }

  /** Handshakes that begin from now on are made with this. */
  renew(material: TlsMaterial): void {
    this.#acceptor.renew(material);
  }
}
