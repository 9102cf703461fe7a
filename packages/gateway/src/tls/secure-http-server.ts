/**
 * An HTTPS server that listens itself, and what comes before a handshake: the admin port's.
 *
 *     accepted ──first byte of a handshake──► handshake ──► requests, as on a plain port
 *         └─────── any other ────────► turned away
 *
 * A client that speaks plain HTTP is told so, for which the first byte is looked at. Invariants: a connection
 * that sends nothing, and a handshake, have one deadline each; a renewal ends no connection; a secure socket
 * is known by its TCP connection, which is what the port counts.
 */
import { createServer, type Server, type ServerOptions } from "node:https";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { mayBeTls } from "./first-byte.js";
import { contextOptions, NamedContexts, type TlsMaterial } from "./tls-material.js";

/** What the port does with connections. */
export interface SecureHttpEvents {
  /** One has been accepted. */
  opened(connection: Socket): void;
  /** It does not begin with a handshake. It is the port's to answer. */
  turnAway(connection: Socket): void;
}

export class SecureHttpServer {
  readonly server: Server;
  readonly #events: SecureHttpEvents;
  readonly #timeoutMs: number;
  #named: NamedContexts;
  /** By their peers, until they are secure. */
  readonly #shaking = new Map<string, Socket>();
  readonly #connections = new WeakMap<Socket, Socket>();

  /** `options`: of the HTTP server. A handshake, and the wait for it, may take `timeoutMs` each. */
  constructor(material: TlsMaterial, options: ServerOptions, timeoutMs: number, events: SecureHttpEvents) {
    this.#events = events;
    this.#timeoutMs = timeoutMs;
    this.#named = new NamedContexts(material);
    this.server = createServer({
      ...options,
      ...contextOptions(material),
      ALPNProtocols: ["http/1.1"],
      handshakeTimeout: timeoutMs,
      SNICallback: (name, answer) => answer(null, this.#named.find(name)),
    });
    this.#lookBeforeHandshakes();
    this.server.prependListener("secureConnection", (socket) => this.#secured(socket));
    this.server.on("tlsClientError", (_error, socket) => socket.destroy());
  }

  /** The TCP connection of a request's socket. */
  connectionOf(socket: Socket): Socket {
    return this.#connections.get(socket) ?? socket;
  }

  /** Handshakes that begin from now on take these certificates. */
  renew(material: TlsMaterial): void {
    this.#named = new NamedContexts(material);
    this.server.setSecureContext(contextOptions(material));
  }

  /** The server's own listener begins a handshake with whatever comes. */
  #lookBeforeHandshakes(): void {
    const { server } = this;
    const shake = server.listeners("connection") as ((this: Server, connection: Socket) => void)[];
    server.removeAllListeners("connection");
    server.on("connection", (connection: Socket) => {
      this.#events.opened(connection);
      connection.on("error", ignoreError);
      connection.setTimeout(this.#timeoutMs, () => connection.destroy());
      connection.once("readable", () => {
        const first = connection.read() as Buffer | null;
        connection.setTimeout(0);
        if (first === null) return void connection.destroy();
        if (!mayBeTls(first.toString("latin1", 0, 1))) return this.#events.turnAway(connection);
        connection.unshift(first);
        this.#begin(connection);
        for (const listener of shake) listener.call(server, connection);
      });
    });
  }

  #begin(connection: Socket): void {
    const peer = peerOf(connection);
    this.#shaking.set(peer, connection);
    connection.once("close", () => {
      if (this.#shaking.get(peer) === connection) this.#shaking.delete(peer);
    });
  }

  #secured(socket: TLSSocket): void {
    const peer = peerOf(socket);
    const connection = this.#shaking.get(peer);
    this.#shaking.delete(peer);
    if (connection !== undefined) this.#connections.set(socket, connection);
    // A renegotiation is an error that Node leaves the connection with.
    socket.on("error", () => socket.destroy());
    socket.disableRenegotiation();
  }
}

/** No two open connections to a port have the same. */
function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function ignoreError(): void {}
