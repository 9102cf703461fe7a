/**
 * The input flow: how fast and how long ordinary sockets are read where a client may send without end: a long
 * body, and what comes behind an answer.
 *
 * A body without a length, or a long one, is read within the budget of the process (`ReadBudget`). A client
 * that was answered before its body has come whole, or was turned away, may send `MAX_DROPPED_BYTES` more,
 * which are read and dropped: closing over unread bytes would reset the connection and take the answer along.
 * Then the connection is cut. Sockets with short requests cost nothing here. Invariant: a socket is watched
 * once, whatever it sends.
 */
import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Readable, ReadBudget } from "../runtime/read-budget.js";
import { INTERNAL_PARSER, type ParserControl } from "./parser-control.js";

/** Bytes that are dropped behind an answer. */
export const MAX_DROPPED_BYTES = 1024 * 1024;
/** A body that announces fewer is not watched: it is one read. */
const SHORT_BODY_BYTES = 64 * 1024;
/** Taking a chunked body apart is so much more work than others, where its chunks are of one byte. */
const CHUNKED_FACTOR = 8;

/** What is known of a socket that is watched. */
interface Watched {
  readonly readable: Readable;
  /** By which its bytes count. */
  factor: number;
  /** The request whose body comes; undefined where its client was turned away. */
  request: IncomingMessage | undefined;
  /** Up to how many bytes may be read before it is cut; unbounded while the answer has not been given. */
  last: number;
}

export class InputFlow {
  readonly #budget: ReadBudget;
  readonly #cut: () => void;
  readonly #parser: Pick<ParserControl, "readableOf">;
  readonly #watched = new WeakMap<Duplex, Watched>();
  /** One function for all sockets. */
  readonly #came: (this: Socket, bytes: Buffer) => void;

  /** `cut` is called for each connection that is cut. */
  constructor(
    budget = new ReadBudget(),
    cut: () => void = () => {},
    parser: Pick<ParserControl, "readableOf"> = INTERNAL_PARSER,
  ) {
    this.#parser = parser;
    this.#budget = budget;
    this.#cut = cut;
    const flow = this;
    this.#came = function (bytes) {
      flow.#read(this, bytes.length);
    };
  }

  /** A request has begun: its body may be long. */
  begin(request: IncomingMessage): void {
    const { socket, headers, complete } = request;
    if (complete) return;
    const isChunked = headers["transfer-encoding"] !== undefined;
    if (!isChunked && Number(headers["content-length"] ?? 0) < SHORT_BODY_BYTES) return;
    const watched = this.#watch(socket);
    if (watched === undefined) return;
    watched.factor = isChunked ? CHUNKED_FACTOR : 1;
    watched.request = request;
    watched.last = Number.POSITIVE_INFINITY;
  }

  /** The request was answered. */
  answered(request: IncomingMessage): void {
    const watched = this.#watched.get(request.socket);
    if (watched?.request === request && !request.complete)
      watched.last = request.socket.bytesRead + MAX_DROPPED_BYTES;
  }

  /** The client was turned away: nothing that it still sends counts. */
  drop(socket: Duplex): void {
    const watched = this.#watch(socket);
    if (watched === undefined || !(socket instanceof Socket)) return;
    watched.request = undefined;
    watched.last = socket.bytesRead + MAX_DROPPED_BYTES;
  }

  #watch(socket: Duplex): Watched | undefined {
    const known = this.#watched.get(socket);
    if (known !== undefined || !(socket instanceof Socket)) return known;
    const watched: Watched = {
      readable: this.#parser.readableOf(socket),
      factor: 1,
      request: undefined,
      last: Number.POSITIVE_INFINITY,
    };
    this.#watched.set(socket, watched);
    // With a listener of this kind Node's HTTP parser hears what is read from the socket, and not before it.
    socket.on("data", this.#came);
    return watched;
  }

  #read(socket: Socket, bytes: number): void {
    const watched = this.#watched.get(socket);
    if (watched === undefined || socket.destroyed) return;
    this.#budget.read(watched.readable, bytes * watched.factor);
    // The body has come whole: what follows is other requests, of which few may be under way.
    if (watched.request?.complete === true) {
      watched.request = undefined;
      watched.factor = 1;
      watched.last = Number.POSITIVE_INFINITY;
    }
    if (socket.bytesRead <= watched.last) return;
    this.#cut();
    socket.destroy();
  }
}
