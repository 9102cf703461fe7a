/**
 * Connections whose HTTP parser has stopped: what becomes of the bytes that it could not read.
 *
 *     stopped ──requests before it answered──► turned away, with a status
 *                                          └─► a later HTTP/1 version: goes on in a socket of its own
 *
 * RFC 9110 §2.5: a request of HTTP/1.2 is processed as one of HTTP/1.1. The front door rewrites the version
 * of a first request (`request-head.ts`). Node's parser stops at it, and can be given nothing more.
 * Invariants: a second request is decided as a first one is; answers leave in the order of their requests; of
 * a connection that stopped, no more is kept than its socket has room for.
 */
import type { Server } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Exchanges } from "./exchanges.js";
import { INTERNAL_PARSER, type ParserControl } from "./parser-control.js";
import { asKnownVersion } from "./request-head.js";

/** What Node says of bytes that its parser could not read. */
export interface ParserError extends NodeJS.ErrnoException {
  readonly rawPacket?: Buffer;
  /** Where in the packet it stopped. */
  readonly bytesParsed?: number;
}

export interface UnreadableProblem {
  readonly status: 400 | 431 | 501 | 505;
  readonly message: string;
}

export interface StopEvents {
  /** The requests before it were answered: nothing more of the connection is read as HTTP. */
  turnAway(socket: Duplex, problem: UnreadableProblem): void;
  /** `socket` goes on as `next`, and is destroyed. */
  renewed?(socket: Socket, next: Socket): void;
}

/** A whole request line. */
const REQUEST_LINE = /^[!#$%&'*+.^_`|~\w-]+ \S+ HTTP\/\d\.\d\r\n/;
const LATER = /^[A-Z][A-Z-]* \S+ HTTP\/1\.[2-9](?:\r|$)/;
const LINE_FEED = 0x0a;
const NOTHING = Buffer.alloc(0);
const NOT_THIS_VERSION: UnreadableProblem = { status: 505, message: "This server speaks HTTP/1.1." };

/** RFC 9110 §15.6.2, §15.6.6: a request of a method or version that is not here is a request all the same. */
export function problemOfUnreadable(error: ParserError, maxHeadBytes: number): UnreadableProblem {
  const { code } = error;
  if (code === "HPE_HEADER_OVERFLOW")
    return { status: 431, message: `A request head may have ${maxHeadBytes} bytes.` };
  const isRequest = REQUEST_LINE.test(stoppedLine(error));
  if (code === "HPE_INVALID_VERSION" && isRequest) return NOT_THIS_VERSION;
  if (code === "HPE_INVALID_METHOD" && isRequest) return { status: 501, message: "This method is not here." };
  return { status: 400, message: "That is not an HTTP request." };
}

/** The packet from the line on in which the parser stopped: requests before it were read. */
function stoppedLine({ rawPacket, bytesParsed = 0 }: ParserError): string {
  if (rawPacket === undefined) return "";
  const start = bytesParsed === 0 ? 0 : rawPacket.lastIndexOf(LINE_FEED, bytesParsed - 1) + 1;
  return rawPacket.toString("latin1", start);
}

/** The bytes from a request of a later version on, as HTTP/1.1; undefined: the parser stopped otherwise. */
function inKnownVersion(error: ParserError): Buffer | undefined {
  if (error.code !== "HPE_INVALID_VERSION") return undefined;
  const text = stoppedLine(error);
  return LATER.test(text) ? Buffer.from(asKnownVersion(text), "latin1") : undefined;
}

type Stop =
  | { readonly kind: "later"; bytes: Buffer }
  | { readonly kind: "unreadable"; readonly problem: UnreadableProblem };

export class StoppedParsers {
  readonly #server: Server;
  readonly #exchanges: Pick<Exchanges, "isIdle" | "isOver" | "isReading">;
  readonly #maxHeadBytes: number;
  readonly #events: StopEvents;
  readonly #parser: ParserControl;
  readonly #stops = new WeakMap<Duplex, Stop>();
  /** Connections that end with their next answer. */
  readonly #last = new WeakSet<Duplex>();

  constructor(
    server: Server,
    exchanges: Pick<Exchanges, "isIdle" | "isOver" | "isReading">,
    maxHeadBytes: number,
    events: StopEvents,
    parser: ParserControl = INTERNAL_PARSER,
  ) {
    this.#parser = parser;
    this.#server = server;
    this.#exchanges = exchanges;
    this.#maxHeadBytes = maxHeadBytes;
    this.#events = events;
    server.on("clientError", (error, socket) => this.#stopped(error, socket));
  }

  /**
   * The connection has no request under way any more. Whether its parser has stopped: it goes on, or ends.
   */
  idle(socket: Duplex): boolean {
    const stop = this.#stops.get(socket);
    if (stop !== undefined) this.#goOn(socket, stop);
    return stop !== undefined;
  }

  /**
   * Whether the connection ends with its next answer: what is counted by connection begins anew for a renewed
   * one, which is to be had once.
   */
  isLast(socket: Duplex): boolean {
    return this.#last.has(socket);
  }

  #stopped(error: ParserError, socket: Duplex): void {
    if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy();
    if (this.#exchanges.isOver(socket)) return void socket.end();
    const before = this.#stops.get(socket);
    if (before !== undefined) {
      // It had been read already when the parser stopped.
      if (before.kind === "later") before.bytes = Buffer.concat([before.bytes, error.rawPacket ?? NOTHING]);
      return;
    }
    const bytes = socket instanceof Socket ? inKnownVersion(error) : undefined;
    const stop: Stop =
      bytes === undefined
        ? { kind: "unreadable", problem: problemOfUnreadable(error, this.#maxHeadBytes) }
        : { kind: "later", bytes };
    // A request whose body cannot be read is under way for ever.
    if (stop.kind === "unreadable" && (this.#exchanges.isIdle(socket) || this.#exchanges.isReading(socket)))
      return this.#goOn(socket, stop);
    this.#stops.set(socket, stop);
    if (socket instanceof Socket) this.#parser.hold(socket);
    if (this.#exchanges.isIdle(socket)) this.#goOn(socket, stop);
  }

  #goOn(socket: Duplex, stop: Stop): void {
    if (stop.kind === "unreadable") return this.#events.turnAway(socket, stop.problem);
    const renew = (): void => this.#renew(socket as Socket, stop.bytes);
    // After this turn, in which the parser is still at work, and once the answers before have left.
    setImmediate(() => {
      if (socket.writableLength === 0) renew();
      else socket.write(NOTHING, renew);
    });
  }

  #renew(socket: Socket, bytes: Buffer): void {
    const unread = socket.read() as Buffer | null;
    if (socket.destroyed) return;
    const next = this.#parser.renew(socket);
    if (next === undefined) return this.#events.turnAway(socket, NOT_THIS_VERSION);
    this.#last.add(next);
    this.#events.renewed?.(socket, next);
    socket.destroy();
    this.#server.emit("connection", next);
    next.unshift(unread === null ? bytes : Buffer.concat([bytes, unread]));
  }
}
