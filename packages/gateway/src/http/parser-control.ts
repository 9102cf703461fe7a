/**
 * Parser control: what an HTTP server does with Node's parser and its sockets beyond serving requests.
 *
 * Two ways. `INTERNAL_PARSER` reaches into the parser, which Node does not document: it is exact, and a
 * stream keeps nothing of HTTP. `DOCUMENTED_PARSER` takes documented API alone, for a worker with the engine
 * `ws`, and says at each function what that costs. Invariant: neither leaves a connection without a limit.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Readable } from "../runtime/read-budget.js";
import { detachHandle, readableOf, type Seat, socketOf, stopInput } from "../runtime/tcp-handle.js";
import { asksForWebSocket } from "./request-rules.js";

export interface ParserControl {
  /** Has Node see each offer for a WebSocket, also where its parser takes the list for another. */
  watchOffers(socket: Duplex): void;
  /** From the next request on nothing is parsed any more. `beyond`: called for each read that has one. */
  stopParsing(socket: Duplex, beyond: () => void): void;
  /** The parser has stopped: what comes waits in the socket, as far as it has room. */
  hold(socket: Socket): void;
  /** The socket as a read budget stops it. */
  readableOf(socket: Socket): Readable;
  /** The connection goes on without HTTP; undefined when it has closed meanwhile. */
  leave(socket: Socket): Seat | undefined;
  /** The connection in a new socket that HTTP has not read of; undefined where there is no way. */
  renew(socket: Socket): Socket | undefined;
}

/** `upgrade`: what the parser has found, which the typings leave out. */
type OnIncoming = (request: IncomingMessage & { upgrade: boolean }, keepAlive: boolean) => unknown;

/** Node does not export its parser, and has no other way to stop it within what it has read. */
interface Parsed {
  readonly parser?: { onIncoming?: OnIncoming | null } | null;
}

/** What Node's parser is told of a request by: skip its body, and all that comes behind it. */
const SKIP_THE_REST = 2;

export const INTERNAL_PARSER: ParserControl = Object.freeze({
  watchOffers(socket: Duplex): void {
    const { parser } = socket as Parsed;
    const next = parser?.onIncoming;
    if (typeof next !== "function" || parser == null) return;
    parser.onIncoming = (request, keepAlive) => {
      if (asksForWebSocket(request.headers, request.httpVersionMinor)) request.upgrade = true;
      return next.call(parser, request, keepAlive);
    };
  },

  stopParsing(socket: Duplex, beyond: () => void): void {
    const { parser } = socket as Parsed;
    if (typeof parser?.onIncoming !== "function") return;
    parser.onIncoming = () => {
      beyond();
      return SKIP_THE_REST;
    };
  },

  hold: stopInput,
  readableOf,
  leave: detachHandle,

  renew(socket: Socket): Socket | undefined {
    const handle = detachHandle(socket);
    return handle && socketOf(handle);
  },
});

export const DOCUMENTED_PARSER: ParserControl = Object.freeze({
  /** A list that Node takes for another offer is none: 426. */
  watchOffers(): void {},

  /** What one read brings is parsed, and dropped: up to 64 KiB of requests once for each connection. */
  stopParsing(): void {},

  hold(socket: Socket): void {
    socket.pause();
  },

  /** Node may go on by itself where it wants more of a body. */
  readableOf: (socket: Socket): Readable => ({
    readStop: () => socket.pause(),
    readStart: () => socket.resume(),
  }),

  /** What Node keeps for the request stays until the connection ends, and what comes is parsed. */
  leave: (socket: Socket): Seat | undefined => (socket.destroyed ? undefined : socket),

  /** A second request of a later HTTP/1 version is refused with 505. */
  renew: (): undefined => undefined,
});
