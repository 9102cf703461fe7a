/**
 * The handshakes of a port: from TCP connections to secure sockets.
 *
 * Stands on Node's TLS server, which is given connections and never listens. One certificate for each name
 * that is asked for; TLS 1.2's renegotiation is refused, since it is a second handshake at the client's wish.
 * Invariants: a handshake has one deadline, whatever its client sends meanwhile; a renewal ends no
 * connection, and the handshakes that have begun go on with what they began with.
 */
import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { contextOptions, NamedContexts, type TlsMaterial } from "./tls-material.js";

/** How a handshake ended: `late` met its deadline, `crowded` never began. */
export const HANDSHAKE_ENDS = ["done", "failed", "late", "crowded"] as const;
export type HandshakeEnd = (typeof HANDSHAKE_ENDS)[number];

export interface TlsEvents {
  /** The connection is secure, and nothing has been read of it. */
  secured(socket: TLSSocket): void;
  /** Called once for each connection that was given here. */
  ended(how: HandshakeEnd): void;
}

/** Handshakes at once: far beyond what a door lets wait. */
const MAX_HANDSHAKES = 16_384;
/** The one protocol that is spoken: a client that knows only others is told so by an alert. */
const PROTOCOLS = ["http/1.1"];

export class TlsAcceptor {
  readonly #server: Server;
  readonly #events: TlsEvents;
  #named: NamedContexts;
  /** Connections, and those of them that are secure. */
  #open = 0;
  #secure = 0;

  /** A handshake is ended after `timeoutMs`. */
  constructor(material: TlsMaterial, timeoutMs: number, events: TlsEvents) {
    this.#events = events;
    this.#named = new NamedContexts(material);
    this.#server = createServer({
      ...contextOptions(material),
      ALPNProtocols: PROTOCOLS,
      handshakeTimeout: timeoutMs,
      SNICallback: (name, answer) => answer(null, this.#named.find(name)),
    });
    this.#server.on("secureConnection", (socket) => this.#secured(socket));
    this.#server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
      events.ended(error.code === "ERR_TLS_HANDSHAKE_TIMEOUT" ? "late" : "failed");
      socket.destroy();
    });
  }

  /** Handshakes under way. */
  get handshaking(): number {
    return Math.max(0, this.#open - this.#secure);
  }

  /** Takes ownership of a connection, and of what was read of it and put back. */
  accept(connection: Socket): void {
    if (this.handshaking >= MAX_HANDSHAKES) {
      this.#events.ended("crowded");
      connection.destroy();
      return;
    }
    this.#open++;
    connection.once("close", () => this.#open--);
    // Its messages are small, and each waits for the other's.
    connection.setNoDelay(true);
    this.#server.emit("connection", connection);
  }

  /** Handshakes that begin from now on take these certificates. */
  renew(material: TlsMaterial): void {
    this.#named = new NamedContexts(material);
    this.#server.setSecureContext(contextOptions(material));
  }

  #secured(socket: TLSSocket): void {
    this.#secure++;
    socket.once("close", () => this.#secure--);
    // A renegotiation is an error that Node leaves the connection with.
    socket.on("error", destroySocket);
    socket.disableRenegotiation();
    this.#events.ended("done");
    this.#events.secured(socket);
  }
}

function destroySocket(this: Socket): void {
  this.destroy();
}
