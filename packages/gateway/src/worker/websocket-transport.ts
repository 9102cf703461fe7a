/**
 * The transport over ws: one object is the WebSocket, the transport of core's seam, and all that the edge keeps for
 * a connection.
 *
 * Events come through one overridden `emit` instead of a listener each, so that a connection needs neither closures
 * nor a listener table (a tenth of its heap, 240 bytes). Bytes go straight to the socket: nothing here calls `send`, so ws's own queue (compression,
 * blobs) stays empty and cannot be overtaken; pings, pongs and the close frame are written at once by ws.
 * Invariant: `closed()` is called exactly once for each opened connection, whoever ended it.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Connection, Encoding, Framing, Transport } from "@holdfast/core";
import { disconnects, SUBPROTOCOL } from "@holdfast/protocol";
import { type Server, type ServerOptions, WebSocket, WebSocketServer } from "ws";
import type { Acceptance, RequestHead } from "./upgrade.js";
import { WebSocketFraming } from "./websocket-framing.js";

/** What the edge tells core about one connection. */
export type ConnectionEnd = Pick<Connection, "receive" | "alive" | "refuse" | "closed">;

/** The part of core that takes connections. */
export interface Opener {
  open(transport: Transport, encoding: Encoding, channels?: readonly string[]): ConnectionEnd;
}

/** How long the other side may take to answer our close frame, ms. Short: a drain closes everybody. */
const CLOSE_TIMEOUT_MS = 5_000;
/** Frames of one fragmented message. */
const MAX_FRAGMENTS = 1_024;
/** TCP segments that one message may come in: a full one carries 1,460 bytes, a bad path's still 256. */
const MIN_BUFFERED_CHUNKS = 1_024;
const SMALLEST_SEGMENT_BYTES = 256;

/**
 * Bytes that may wait before pings stay unanswered: who floods us with pings and reads nothing must not fill memory
 * with pongs, and for who reads slowly the bytes on their way are sign of life enough.
 */
const MAX_BUFFERED_FOR_PONG = 64 * 1024;

const FRAMING = new WebSocketFraming();

/** Upgrades sockets and counts those that are open. */
export class WebSocketTransports {
  readonly #opener: Opener;
  readonly #server: Server<typeof WebSocketTransport>;
  #open = 0;

  /** `maxPayload`: bytes of one message from a client. */
  constructor(opener: Opener, maxPayload: number) {
    this.#opener = opener;
    const options: ServerOptions<typeof WebSocketTransport> & { closeTimeout: number } = {
      noServer: true,
      WebSocket: WebSocketTransport,
      clientTracking: false,
      perMessageDeflate: false,
      // Would keep a closure for each connection; `emit` answers instead.
      autoPong: false,
      maxPayload,
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MIN_BUFFERED_CHUNKS + Math.ceil(maxPayload / SMALLEST_SEGMENT_BYTES),
      closeTimeout: CLOSE_TIMEOUT_MS,
      // The upgrade decision has seen it among the offers; called only when there are any.
      handleProtocols: () => SUBPROTOCOL,
    };
    this.#server = new WebSocketServer(options);
  }

  /** Sockets that are a WebSocket now, closing ones included. */
  get open(): number {
    return this.#open;
  }

  /**
   * Answers an accepted upgrade and opens the connection. `first` is what came right behind the head.
   * A socket that closed meanwhile is only destroyed.
   */
  upgrade(head: RequestHead, socket: Duplex, first: Buffer, { encoding, channels }: Acceptance): void {
    // ws reads the method and the headers, and keeps nothing of either.
    this.#server.handleUpgrade(head as IncomingMessage, socket, first, (transport) => {
      this.#open++;
      transport.home = this;
      transport.connection = this.#opener.open(transport, encoding, channels);
    });
  }

  /** Called by a transport whose socket is gone. */
  gone(): void {
    this.#open--;
  }
}

export class WebSocketTransport extends WebSocket implements Transport {
  /** Set once, before anything can arrive; unset when the socket is gone. */
  connection: ConnectionEnd | undefined = undefined;
  home: WebSocketTransports | undefined = undefined;
  /** Fields of ws: the socket underneath, and whether the other side began to close. */
  declare protected readonly _socket: Socket;
  declare protected readonly _closeFrameReceived: boolean;

  get framing(): Framing {
    return FRAMING;
  }

  get bufferedBytes(): number {
    return this._socket.writableLength;
  }

  write(frames: Uint8Array): void {
    if (this.readyState === WebSocket.OPEN) this._socket.write(frames);
  }

  /**
   * Also called by ws itself, before its 'error' event, when the other side broke RFC 6455: then the connection says
   * why in the protocol's words and closes with its own code, and ws's close is needed only if it did not.
   */
  override close(code?: number, reason?: string | Buffer): void {
    const violation = this._closeFrameReceived ? undefined : violationOf(code);
    if (violation !== undefined && this.readyState === WebSocket.OPEN) {
      this.connection?.refuse(violation);
      if (this.readyState !== WebSocket.OPEN) return;
    }
    super.close(code, reason);
  }

  override emit(event: string | symbol, first?: unknown, second?: unknown): boolean {
    const { connection } = this;
    if (connection === undefined) return false;
    switch (event) {
      case "message":
        if (second === true) connection.refuse(disconnects.badFrame, "Binary messages are not taken.");
        else connection.receive((first as Buffer).toString());
        return true;
      case "ping":
        if (this.bufferedBytes <= MAX_BUFFERED_FOR_PONG) this.pong(first);
        connection.alive();
        return true;
      case "pong":
        connection.alive();
        return true;
      case "close":
        this.connection = undefined;
        this.home?.gone();
        connection.closed();
        return true;
      default:
        // 'error' came through `close` before; 'open' is before there is a connection.
        return true;
    }
  }
}

/** The row for the close code that ws gives a violation: RFC 6455 §7.4.1. */
function violationOf(code: number | undefined): typeof disconnects.badFrame | undefined {
  switch (code) {
    case 1002: // protocol error
    case 1007: // not UTF-8
      return disconnects.badFrame;
    case 1008: // more fragments or segments than allowed
    case 1009: // message too big
      return disconnects.tooBig;
    default:
      return undefined;
  }
}
