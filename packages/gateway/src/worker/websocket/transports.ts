/**
 * The WebSockets of a worker: opens them on handles, counts them, and ends those that take too long to leave.
 *
 * Invariant: what core writes while a connection is being opened leaves in one piece with the handshake's
 * answer, and behind it.
 */
import type { Clock, Codec, ForwardedHeaders, Identity, Transport } from "@holdfast/core";
import type { RequestHead } from "../../http/incoming-head.js";
import { HandleIo, type TcpHandle } from "../../runtime/tcp-handle.js";
import type { RefusalBrake } from "../http/refusal-brake.js";
import type { Acceptance } from "../http/upgrade.js";
import type { UnfinishedMessages } from "../sockets/unfinished-messages.js";
import { WaitingSockets } from "../sockets/waiting-sockets.js";
import { switchingProtocols } from "./handshake.js";
import { type SocketConnection, type TransportHome, WebSocketTransport } from "./transport.js";

/** The part of core that takes connections. */
export interface WebSocketOpener {
  open(
    transport: Transport,
    codec: Codec,
    channels?: readonly string[],
    identity?: Identity,
    headers?: ForwardedHeaders,
  ): SocketConnection;
}

/**
 * How long the other side may take to answer our close frame and to end, ms. Short: a drain closes all
 * connections.
 */
const CLOSE_TIMEOUT_MS = 5_000;

/** A request that was accepted, and what came with it. */
export interface AcceptedUpgrade {
  readonly head: RequestHead;
  /** What came right behind the head; changed here. */
  readonly first: Buffer;
  /** Called when the socket has closed. */
  readonly ended: (() => void) | undefined;
}

export class WebSocketTransports implements TransportHome {
  readonly io: HandleIo;
  readonly maxPayload: number;
  readonly unfinished: UnfinishedMessages;
  readonly #opener: WebSocketOpener;
  readonly #brake: RefusalBrake<WebSocketTransport> | undefined;
  readonly #leaving: WaitingSockets<WebSocketTransport>;
  /** Transports whose end is waited for. */
  readonly #ended = new Map<WebSocketTransport, () => void>();
  /** The connection that is being opened, and what is to leave with its answer. */
  #opening: { readonly transport: WebSocketTransport; readonly gathered: Uint8Array[] } | undefined;
  #open = 0;

  /** `maxPayload`: bytes of one message from a client. Without a brake, refusals are said at once. */
  constructor(
    opener: WebSocketOpener,
    maxPayload: number,
    unfinished: UnfinishedMessages,
    clock: Clock,
    brake?: RefusalBrake<WebSocketTransport>,
    io = new HandleIo(),
  ) {
    this.io = io;
    this.#brake = brake;
    this.#opener = opener;
    this.maxPayload = maxPayload;
    this.unfinished = unfinished;
    // As many as there are connections.
    this.#leaving = new WaitingSockets(clock, CLOSE_TIMEOUT_MS, Number.POSITIVE_INFINITY);
  }

  /** Sockets that are a WebSocket now, closing ones included. */
  get open(): number {
    return this.#open;
  }

  /** Answers an accepted upgrade and opens the connection. Takes ownership of the handle. */
  accept(
    handle: TcpHandle,
    { head, first, ended }: AcceptedUpgrade,
    { codec, subprotocol, channels, identity, forwarded }: Acceptance,
  ): void {
    const transport = new WebSocketTransport(handle, this);
    this.#open++;
    if (ended !== undefined) this.#ended.set(transport, ended);
    const gathered: Uint8Array[] = [switchingProtocols(head, subprotocol)];
    this.#opening = { transport, gathered };
    try {
      transport.connection = this.#opener.open(transport, codec, channels, identity, forwarded);
    } finally {
      this.#opening = undefined;
    }
    transport.start(gathered.length === 1 ? (gathered[0] as Uint8Array) : Buffer.concat(gathered), first);
  }

  gather(transport: WebSocketTransport, bytes: Uint8Array): boolean {
    if (this.#opening?.transport !== transport) return false;
    this.#opening.gathered.push(bytes);
    return true;
  }

  refuse(transport: WebSocketTransport, say: () => void): void {
    if (this.#brake === undefined) say();
    else this.#brake.refuse(transport, say);
  }

  hurry(transport: WebSocketTransport): void {
    this.#brake?.hurry(transport);
  }

  leaving(transport: WebSocketTransport): void {
    this.#leaving.add(transport);
  }

  gone(transport: WebSocketTransport): void {
    this.#open--;
    this.#leaving.release(transport);
    this.#brake?.release(transport);
    const ended = this.#ended.get(transport);
    if (ended === undefined) return;
    this.#ended.delete(transport);
    ended();
  }

  /** Ends those that are leaving; the others are core's to end. Idempotent. */
  close(): void {
    this.#brake?.close();
    this.#leaving.close();
  }
}
