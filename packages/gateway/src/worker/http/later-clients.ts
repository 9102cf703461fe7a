/**
 * Later clients: those whose WebSocket or event stream comes over a connection that has carried a request
 * before.
 *
 * The front door counts a connection for the client of its first request. A trusted proxy keeps connections
 * and sends the requests of others over them, so a later client is charged and held here, by the limits of
 * sessions, for as long as its WebSocket or stream stands. Invariant: what is held is released once.
 */
import type { ErrorCode } from "@holdfast/protocol";
import type { RequestHead } from "../../http/incoming-head.js";
import type { ClientAddress } from "./client-addresses.js";

/** The part of the session limits that is used here. */
export interface LaterLimits {
  open(client: ClientAddress, connection: object | undefined, channels: number): ErrorCode | undefined;
  hold(client: ClientAddress): (() => void) | undefined;
  /** The connection goes on as `next`, with what it has left of its rate. */
  moved(connection: object, next: object): void;
}

/** The socket of a connection, as far as it matters here. */
export interface CarryingSocket {
  readonly remoteAddress?: string | undefined;
}

export class LaterClients {
  readonly #clients: { of(peer: string | undefined, headers: RequestHead["headers"]): ClientAddress };
  readonly #limits: LaterLimits;
  /** Connections that have carried a request, and those that have carried more than one. */
  readonly #once = new WeakSet<CarryingSocket>();
  readonly #again = new WeakSet<CarryingSocket>();

  constructor(
    clients: { of(peer: string | undefined, headers: RequestHead["headers"]): ClientAddress },
    limits: LaterLimits,
  ) {
    this.#clients = clients;
    this.#limits = limits;
  }

  /** The connection carries a request that is no upgrade. */
  carries(socket: CarryingSocket): void {
    if (this.#once.has(socket)) this.#again.add(socket);
    else this.#once.add(socket);
  }

  /** `next` goes on with the connection of `socket`. */
  renewed(socket: CarryingSocket, next: CarryingSocket): void {
    if (this.#once.has(socket)) this.#once.add(next);
    if (this.#again.has(socket)) this.#again.add(next);
  }

  /** The connection goes on as a socket of Node's server. `hasCarried`: requests, on its bare handle. */
  moved(connection: object, socket: CarryingSocket, hasCarried: boolean): void {
    if (hasCarried) this.#once.add(socket);
    this.#limits.moved(connection, socket);
  }

  /** An upgrade, before anything is done for it: what to refuse it with; undefined: it may be. */
  refusal(socket: CarryingSocket, { headers }: RequestHead, channels: number): ErrorCode | undefined {
    const client = this.#once.has(socket) ? this.#clientOf(socket, headers) : undefined;
    return client && this.#limits.open(client, undefined, channels);
  }

  /**
   * The client has a WebSocket more, until what is returned is called; undefined where the front door counts
   * it.
   */
  holdUpgrade(socket: CarryingSocket, { headers }: RequestHead): (() => void) | undefined {
    const client = this.#once.has(socket) ? this.#clientOf(socket, headers) : undefined;
    return client && this.#limits.hold(client);
  }

  /** The same of an event stream, whose own request the connection carries. It has been charged. */
  holdStream(socket: CarryingSocket, { headers }: RequestHead): (() => void) | undefined {
    const client = this.#again.has(socket) ? this.#clientOf(socket, headers) : undefined;
    return client && this.#limits.hold(client);
  }

  /** Undefined: the peer is no proxy, so all requests are of the client that the front door counts. */
  #clientOf(socket: CarryingSocket, headers: RequestHead["headers"]): ClientAddress | undefined {
    const client = this.#clients.of(socket.remoteAddress, headers);
    return client.isProxy ? client : undefined;
  }
}

/** `ended` and the release of what is held, as one. */
export function bothEnds(
  ended: (() => void) | undefined,
  release: (() => void) | undefined,
): (() => void) | undefined {
  if (release === undefined) return ended;
  return () => {
    release();
    ended?.();
  };
}
