/**
 * The engine `ws`: the WebSockets of a worker by the `ws` package, on ordinary sockets.
 *
 * The library answers the upgrade, reads and judges frames; deadlines, refusals and budgets are shared with
 * the engine `lean`. Invariants: what core says while a connection is being opened leaves in one piece with
 * the answer, and behind it; a refusal that waits is said or dropped before its socket is forgotten.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { type Clock, type Metrics, noMetrics } from "@holdfast/core";
import { type PerMessageDeflateOptions, type WebSocket, WebSocketServer } from "ws";
import type { RequestHead } from "../../http/incoming-head.js";
import { ReadBudget } from "../../runtime/read-budget.js";
import { socketOf, type TcpHandle } from "../../runtime/tcp-handle.js";
import type { DeflateTerms } from "../http/deflate-offer.js";
import type { BrakeOf } from "../http/refusal-brake.js";
import type { Acceptance } from "../http/upgrade.js";
import type { AcceptedUpgrade, WebSocketEngine } from "../http/websocket-engine.js";
import { CLOSE_TIMEOUT_MS } from "../sockets/handle-writers.js";
import type { UnfinishedMessages } from "../sockets/unfinished-messages.js";
import { type WaitingSocket, WaitingSockets } from "../sockets/waiting-sockets.js";
import { MAX_FRAGMENTS } from "../websocket/assembly.js";
import type { WebSocketOpener } from "../websocket/transports.js";
import { ContextSocket } from "./context-socket.js";
import { FrameCourse } from "./frame-course.js";
import { LibraryFramings } from "./library-framings.js";
import { LibrarySocket } from "./library-socket.js";
import { LibraryTransport } from "./library-transport.js";
import type { LibraryHome } from "./library-writer.js";

/** Segments of one message that has not come whole. Each costs its client a tenth of a command when small. */
const MAX_SEGMENTS = 16_384;

/** How a connection with a context of its own compresses: with less memory than zlib's defaults (ADR 46). */
const CONTEXT = Object.freeze({
  zlibDeflateOptions: { level: 3, memLevel: 5, chunkSize: 4 * 1_024 },
  zlibInflateOptions: { chunkSize: 4 * 1_024 },
});

/** What the library reads of a request, and the subprotocol that was decided on. */
interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly subprotocol: string | undefined;
}

export interface LibraryEngineParts {
  readonly opener: WebSocketOpener;
  /** Bytes of one message from a client. */
  readonly maxPayload: number;
  readonly unfinished: UnfinishedMessages;
  readonly clock: Clock;
  /** Without one, refusals are said at once. */
  readonly brake?: BrakeOf<WaitingSocket> | undefined;
  readonly budget?: ReadBudget | undefined;
  readonly metrics?: Pick<Metrics, "add"> | undefined;
}

export class LibraryEngine implements WebSocketEngine, LibraryHome {
  readonly name = "ws";
  readonly takesHandles = false;
  readonly budget: ReadBudget;
  readonly unfinished: UnfinishedMessages;
  readonly metrics: Pick<Metrics, "add">;
  readonly maxPayload: number;
  course = new FrameCourse();
  readonly #opener: WebSocketOpener;
  readonly #brake: BrakeOf<WaitingSocket> | undefined;
  readonly #framings: LibraryFramings;
  /** Plain connections, and those whose messages are compressed once for all. */
  readonly #server: WebSocketServer;
  /** Connections whose compression keeps context. */
  readonly #contextServer: WebSocketServer;
  readonly #leaving: WaitingSockets<WaitingSocket>;
  #open = 0;

  constructor(parts: LibraryEngineParts) {
    const { opener, maxPayload, unfinished, clock, brake, budget, metrics = noMetrics } = parts;
    this.#opener = opener;
    this.#brake = brake;
    this.unfinished = unfinished;
    this.metrics = metrics;
    this.maxPayload = maxPayload;
    this.budget = budget ?? new ReadBudget();
    this.#framings = new LibraryFramings(metrics);
    // As many as there are connections.
    this.#leaving = new WaitingSockets(clock, CLOSE_TIMEOUT_MS, Number.POSITIVE_INFINITY);
    this.#server = serverOf(LibrarySocket, {}, maxPayload);
    this.#contextServer = serverOf(ContextSocket, CONTEXT, maxPayload);
  }

  get open(): number {
    return this.#open;
  }

  accept(handle: TcpHandle, upgrade: AcceptedUpgrade, acceptance: Acceptance): void {
    this.acceptSocket(socketOf(handle), upgrade, acceptance);
  }

  acceptSocket(socket: Socket, { head, first, ended }: AcceptedUpgrade, acceptance: Acceptance): boolean {
    if (socket.destroyed) {
      ended?.();
      return false;
    }
    this.#open++;
    socket.once("close", () => {
      this.#open--;
      ended?.();
    });
    const { subprotocol, deflate } = acceptance;
    const server = deflate?.keepsContext === true ? this.#contextServer : this.#server;
    const asked: Asked = {
      method: "GET",
      url: head.url ?? "/",
      headers: headersFor(head, deflate),
      subprotocol,
    };
    socket.cork();
    server.handleUpgrade(asked as unknown as IncomingMessage, socket, first, (opened) =>
      this.#opened(socket, opened as unknown as LibrarySocket, acceptance),
    );
    socket.uncork();
    return true;
  }

  refuse(transport: WaitingSocket, say: () => void): void {
    if (this.#brake === undefined) say();
    else this.#brake.refuse(transport, say);
  }

  hurry(transport: WaitingSocket): void {
    this.#brake?.hurry(transport);
  }

  leaving(transport: WaitingSocket): void {
    this.#leaving.add(transport);
  }

  gone(transport: WaitingSocket): void {
    this.#brake?.release(transport);
    this.#leaving.release(transport);
  }

  close(): void {
    this.#brake?.close();
    this.#leaving.close();
    this.#server.close();
    this.#contextServer.close();
  }

  #opened(
    socket: Socket,
    library: LibrarySocket,
    { codec, deflate, channels, identity, forwarded, address }: Acceptance,
  ): void {
    const transport = new LibraryTransport(socket, library, this.#framings.for(deflate), this);
    transport.namedAddress = address;
    transport.connection = this.#opener.open(transport, codec, channels, identity, forwarded);
  }
}

function serverOf(
  socketClass: typeof LibrarySocket,
  perMessageDeflate: PerMessageDeflateOptions,
  maxPayload: number,
): WebSocketServer {
  return new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate,
    autoPong: false,
    maxPayload,
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: MAX_SEGMENTS,
    WebSocket: socketClass as unknown as typeof WebSocket,
    handleProtocols: (_offered, request) => (request as unknown as Asked).subprotocol ?? false,
  });
}

/**
 * The decision takes `websocket` in any list and case; the library wants the word alone. Of extensions it is
 * shown what was decided on, and agrees on that.
 */
function headersFor({ headers }: RequestHead, deflate: DeflateTerms | undefined): RequestHead["headers"] {
  return { ...headers, upgrade: "websocket", "sec-websocket-extensions": deflate?.answer };
}
