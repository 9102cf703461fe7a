/**
 * The sockets of Node's HTTP server: which wait for a request, which are kept between two, and which leave
 * HTTP to go on as a stream or a WebSocket.
 *
 *     waiting ──request──► answered here ──kept alive──► idle ──request──► …
 *        └────────────────────┴──taken over──► no more of HTTP's
 *
 * What is asked and answered is the server's. Invariants: a socket that no request is answered on has a
 * deadline (`WaitingSockets`); answers leave before a socket is taken over; its end is told once, whatever
 * becomes of it.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Exchanges } from "../../http/exchanges.js";
import { errorAnswer, httpError, sendAnswer } from "../../http/http-answer.js";
import type { ParserControl } from "../../http/parser-control.js";
import { StoppedParsers, type UnreadableProblem } from "../../http/stopped-parsers.js";
import type { Seat } from "../../runtime/tcp-handle.js";
import type { WaitingSocket, WaitingSockets } from "../sockets/waiting-sockets.js";
import { bothEnds, type LaterClients } from "./later-clients.js";
import { CROWDED, type TurnedAway } from "./turned-away.js";

const NOTHING = Buffer.alloc(0);

export interface HttpSocketsParts {
  /** Sockets whose first request has not come. */
  readonly waiting: WaitingSockets<WaitingSocket>;
  /** Sockets kept alive between two requests. */
  readonly idle: WaitingSockets;
  /** Clients whose request came over a connection that had carried another. */
  readonly later: LaterClients;
  /** Bytes of one request head. */
  readonly maxHeadBytes: number;
  readonly parser: ParserControl;
}

export class HttpSockets {
  readonly #server: Server;
  readonly #exchanges: Exchanges;
  readonly #parts: HttpSocketsParts;
  readonly #turnedAway: TurnedAway;
  readonly #stopped: StoppedParsers;
  /**
   * Sockets that have asked to be a WebSocket, maybe before the request before was answered: no other will
   * come.
   */
  readonly #upgraded = new WeakSet<Socket>();
  /** Streams whose sockets the server still knows. */
  readonly #streams = new WeakSet<Duplex>();
  /** Connections whose end is waited for. */
  readonly #ended = new WeakMap<Socket, () => void>();
  /** Bytes that are read again once the requests before them have been answered. */
  readonly #again = new WeakMap<Duplex, Buffer>();

  /** Watches the server's connections from now on. */
  constructor(server: Server, exchanges: Exchanges, parts: HttpSocketsParts, turnedAway: TurnedAway) {
    this.#server = server;
    this.#exchanges = exchanges;
    this.#parts = parts;
    this.#turnedAway = turnedAway;
    server.on("connection", (socket: Socket) => {
      parts.parser.watchOffers(socket);
      if (!parts.waiting.add(socket)) turnedAway.add(socket, CROWDED);
    });
    const events = {
      turnAway: (socket: Duplex, { status, message }: UnreadableProblem) =>
        turnedAway.add(socket, errorAnswer(status, httpError(status, message))),
      renewed: (socket: Socket, next: Socket) => this.#renewed(socket, next),
    };
    this.#stopped = new StoppedParsers(server, exchanges, parts.maxHeadBytes, events, parts.parser);
  }

  /** Calls `ended` when the socket has closed, or whatever becomes of it. */
  watch(socket: Socket, ended: () => void): void {
    this.#ended.set(socket, ended);
    socket.once("close", () => this.#takeEnded(socket)?.());
  }

  /** A request that is no upgrade has come over the socket. */
  carries(socket: Socket): void {
    this.#free(socket);
    this.#parts.later.carries(socket);
  }

  /** Whether the connection ends with its next answer, because its parser has stopped. */
  isLast(socket: Socket): boolean {
    return this.#stopped.isLast(socket);
  }

  /** Whether the socket carries a stream, which nothing can follow. */
  isStream(socket: Duplex): boolean {
    return this.#streams.has(socket);
  }

  /** The socket waits for its next request. */
  readonly becomesIdle = (socket: Duplex): void => {
    if (socket instanceof Socket && this.#upgraded.has(socket)) return;
    if (this.#stopped.idle(socket)) return;
    const again = this.#again.get(socket);
    if (again !== undefined) return this.#readAgain(socket, again);
    if (!this.#parts.idle.add(socket)) socket.destroy();
  };

  /** Has the server read the bytes once the requests before them have been answered. */
  readLater(socket: Duplex, bytes: Buffer): void {
    if (this.#exchanges.isIdle(socket)) this.#readAgain(socket, bytes);
    else this.#again.set(socket, bytes);
  }

  /**
   * Calls `then` when the answers to requests before this upgrade have left, as long as they may take, with
   * how long the socket had waited for its first request, seconds. The socket carries no other request.
   */
  afterAnswers(socket: Socket, then: (seconds: number) => void): void {
    const { waiting, idle } = this.#parts;
    // On a connection that had carried plain requests before, the request is all that there was to wait for.
    const seconds = idle.release(socket) === undefined ? (waiting.release(socket) ?? 0) : 0;
    this.#upgraded.add(socket);
    if (socket.writableLength === 0) return then(seconds);
    if (!waiting.add(socket)) socket.destroy();
    socket.write(NOTHING, (error) => {
      waiting.release(socket);
      if (error) socket.destroy();
      else then(seconds);
    });
  }

  /**
   * A request's socket goes on as a stream, and as little of HTTP is kept for it as can be. After this turn,
   * in which the parser is still at work, and once the answers to requests before it have left.
   */
  release(
    request: IncomingMessage,
    response: ServerResponse,
    then: (seat: Seat, ended: (() => void) | undefined) => void,
  ): void {
    const { socket } = request;
    const { waiting, later, parser } = this.#parts;
    if (!waiting.add(socket)) return sendAnswer(response, this.#turnedAway.crowdedFor(request));
    this.#upgraded.add(socket);
    const release = (): void => {
      waiting.release(socket);
      const seat = socket.destroyed ? undefined : parser.leave(socket);
      if (seat === undefined) return;
      const ended = bothEnds(this.#takeEnded(socket), later.holdStream(socket, request));
      // Without its handle it ends alone, with the parser and whatever else Node keeps for a request.
      if (seat !== socket) socket.destroy();
      else this.#becomesStream(socket);
      then(seat, ended);
    };
    const flush = (): void => {
      if (socket.writableLength === 0) release();
      else socket.write(NOTHING, release);
    };
    setImmediate(() => {
      if (response.socket !== null) flush();
      else response.once("socket", flush);
    });
  }

  /** Ends sockets that are kept for another request. */
  closeIdle(): void {
    this.#parts.idle.clear();
  }

  /** Idempotent. */
  close(): void {
    this.#parts.waiting.close();
    this.#parts.idle.close();
  }

  /** Node has given the connection up for an offer that is ignored: it is given the connection again. */
  #readAgain(socket: Duplex, bytes: Buffer): void {
    this.#again.delete(socket);
    if (socket.destroyed) return;
    this.#free(socket);
    this.#server.emit("connection", socket);
    socket.unshift(bytes);
  }

  #renewed(socket: Socket, next: Socket): void {
    this.#free(socket);
    this.#parts.later.renewed(socket, next);
    const ended = this.#takeEnded(socket);
    if (ended !== undefined) this.watch(next, ended);
  }

  #becomesStream(socket: Socket): void {
    this.#streams.add(socket);
    this.#exchanges.endlessly(socket);
  }

  #free(socket: Duplex): void {
    this.#parts.waiting.release(socket);
    this.#parts.idle.release(socket);
  }

  #takeEnded(socket: Socket): (() => void) | undefined {
    const ended = this.#ended.get(socket);
    this.#ended.delete(socket);
    return ended;
  }
}
