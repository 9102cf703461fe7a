/**
 * The WebSockets of a worker: opens them on handles (`HandleWriters`), and gives them what they share.
 *
 * Invariant: a refusal that waits is said or dropped before its socket is forgotten.
 */
import type { Clock, Codec, ForwardedHeaders, Identity, Transport } from "@holdfast/core";
import type { RequestHead } from "../../http/incoming-head.js";
import { HandleIo, type TcpHandle } from "../../runtime/tcp-handle.js";
import type { RefusalBrake } from "../http/refusal-brake.js";
import type { Acceptance } from "../http/upgrade.js";
import { HandleWriters } from "../sockets/handle-writers.js";
import type { UnfinishedMessages } from "../sockets/unfinished-messages.js";
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

/** A request that was accepted, and what came with it. */
export interface AcceptedUpgrade {
  readonly head: RequestHead;
  /** What came right behind the head; changed here. */
  readonly first: Buffer;
  /** Called when the socket has closed. */
  readonly ended: (() => void) | undefined;
}

export class WebSocketTransports extends HandleWriters<WebSocketTransport> implements TransportHome {
  readonly maxPayload: number;
  readonly unfinished: UnfinishedMessages;
  readonly #opener: WebSocketOpener;
  readonly #brake: RefusalBrake<WebSocketTransport> | undefined;

  /** `maxPayload`: bytes of one message from a client. Without a brake, refusals are said at once. */
  constructor(
    opener: WebSocketOpener,
    maxPayload: number,
    unfinished: UnfinishedMessages,
    clock: Clock,
    brake?: RefusalBrake<WebSocketTransport>,
    io = new HandleIo(),
  ) {
    super(clock, io);
    this.#brake = brake;
    this.#opener = opener;
    this.maxPayload = maxPayload;
    this.unfinished = unfinished;
  }

  /** Answers an accepted upgrade and opens the connection. Takes ownership of the handle. */
  accept(
    handle: TcpHandle,
    { head, first, ended }: AcceptedUpgrade,
    { codec, subprotocol, channels, identity, forwarded }: Acceptance,
  ): void {
    const transport = new WebSocketTransport(handle, this);
    this.begin(transport, [switchingProtocols(head, subprotocol)], ended);
    let answer: Uint8Array;
    try {
      transport.connection = this.#opener.open(transport, codec, channels, identity, forwarded);
    } finally {
      answer = this.takeGathered();
    }
    transport.start(answer, first);
  }

  refuse(transport: WebSocketTransport, say: () => void): void {
    if (this.#brake === undefined) say();
    else this.#brake.refuse(transport, say);
  }

  hurry(transport: WebSocketTransport): void {
    this.#brake?.hurry(transport);
  }

  override gone(transport: WebSocketTransport): void {
    this.#brake?.release(transport);
    super.gone(transport);
  }

  /** Idempotent. */
  override close(): void {
    this.#brake?.close();
    super.close();
  }
}
