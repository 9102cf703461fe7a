/**
 * The WebSockets of a worker, as an engine: opens them on handles (`HandleWriters`), and gives them what they
 * share.
 *
 * Invariant: a refusal that waits is said or dropped before its socket is forgotten.
 */
import type { Socket } from "node:net";
import {
  type Clock,
  type Codec,
  type ForwardedHeaders,
  type Identity,
  type Metrics,
  noMetrics,
  type Transport,
} from "@holdfast/core";
import { type AnyWriterIo, HandleIo } from "../../runtime/handle-io.js";
import { detachHandle, type TcpHandle } from "../../runtime/tcp-handle.js";
import type { BrakeOf } from "../http/refusal-brake.js";
import type { Acceptance } from "../http/upgrade.js";
import type { AcceptedUpgrade, WebSocketEngine } from "../http/websocket-engine.js";
import { HandleWriters } from "../sockets/handle-writers.js";
import type { UnfinishedMessages } from "../sockets/unfinished-messages.js";
import { DeflatingFraming } from "./deflating-framing.js";
import { DeflatingHome } from "./deflating-home.js";
import { WebSocketFraming } from "./framing.js";
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

export class WebSocketTransports
  extends HandleWriters<WebSocketTransport>
  implements TransportHome, WebSocketEngine
{
  readonly name = "lean";
  readonly takesHandles = true;
  readonly maxPayload: number;
  readonly inflates = false;
  readonly framing = new WebSocketFraming();
  readonly metrics: Pick<Metrics, "add">;
  readonly unfinished: UnfinishedMessages;
  readonly #opener: WebSocketOpener;
  readonly #brake: BrakeOf<WebSocketTransport> | undefined;
  /** By the bits of the window; made when a client asks for it. */
  readonly #deflating = new Map<number, DeflatingHome>();

  /** `maxPayload`: bytes of one message from a client. Without a brake, refusals are said at once. */
  constructor(
    opener: WebSocketOpener,
    maxPayload: number,
    unfinished: UnfinishedMessages,
    clock: Clock,
    brake?: BrakeOf<WebSocketTransport>,
    io: AnyWriterIo = new HandleIo(),
    metrics: Pick<Metrics, "add"> = noMetrics,
  ) {
    super(clock, io);
    this.metrics = metrics;
    this.#brake = brake;
    this.#opener = opener;
    this.maxPayload = maxPayload;
    this.unfinished = unfinished;
  }

  /** Answers an accepted upgrade and opens the connection. Takes ownership of the handle. */
  accept(
    handle: TcpHandle,
    { head, first, ended }: AcceptedUpgrade,
    { codec, subprotocol, deflate, channels, identity, forwarded, address }: Acceptance,
  ): void {
    const home = deflate === undefined ? this : this.#homeFor(deflate.windowBits);
    const transport = new WebSocketTransport(handle, home);
    transport.namedAddress = address;
    this.begin(transport, [switchingProtocols(head, subprotocol, deflate?.answer)], ended);
    let answer: Uint8Array;
    try {
      transport.connection = this.#opener.open(transport, codec, channels, identity, forwarded);
    } finally {
      answer = this.takeGathered();
    }
    transport.start(answer, first);
  }

  /** The socket goes on as a bare handle, and is kept only for callers that wait for its end. */
  acceptSocket(socket: Socket, { head, first, ended }: AcceptedUpgrade, acceptance: Acceptance): boolean {
    const handle = detachHandle(socket);
    if (handle === undefined) {
      ended?.();
      return false;
    }
    const both = (): void => {
      socket.destroy();
      ended?.();
    };
    this.accept(handle, { head, first, ended: both }, acceptance);
    return true;
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

  /** One for each size of the window, so that a batch is compressed once for all that have the same. */
  #homeFor(windowBits: number): TransportHome {
    const known = this.#deflating.get(windowBits);
    if (known !== undefined) return known;
    const made = new DeflatingHome(this, new DeflatingFraming(windowBits, this.metrics));
    this.#deflating.set(windowBits, made);
    return made;
  }
}
