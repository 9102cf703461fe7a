/**
 * The WebSocket of the `ws` package as the engine uses it: the class that the server is given with its
 * documented option `WebSocket`, with the writing half of its socket.
 *
 * Messages leave as bytes that are framed once for all, by `write` of the socket; control frames are made by
 * the library. Listeners are shared: each finds its owner at the socket. The library itself calls `close`
 * when a close frame has come, and when frames were wrong; those calls go to the owner, so that the client is
 * told in the protocol's words before the close frame. Invariants: a close frame leaves by `sayClose` alone,
 * once it has an owner; of the pings that wait only the newest is answered, behind all that waits.
 */
import type { Socket } from "node:net";
import { WebSocket } from "ws";

/** The owner, told of what happens. */
export interface LibrarySocketEvents {
  messageCame(data: Buffer, isBinary: boolean): void;
  pingCame(payload: Buffer): void;
  pongCame(): void;
  /** The client's close frame; nothing is read after it. */
  closeCame(code: number | undefined, reason: Buffer): void;
  /** Frames were wrong, or the socket broke. */
  failed(error: Error): void;
  /** The socket is closed. Called once. */
  hasClosed(): void;
}

/** What the library keeps to inflate with, where it is as we know it. */
interface Inflating {
  readonly _extensions?: { readonly [name: string]: { cleanup?(): void } | undefined };
}

const NOTHING = Buffer.alloc(0);

export class LibrarySocket extends WebSocket {
  #owner: LibrarySocketEvents | undefined = undefined;
  #socket: Socket | undefined = undefined;
  /** What the newest ping carried that waits for its answer. */
  #pinged: Buffer | undefined = undefined;

  /** Tells the owner of everything from now on. Called once. `socket`: the one that it speaks on. */
  begin(owner: LibrarySocketEvents, socket: Socket): void {
    this.#owner = owner;
    this.#socket = socket;
    this.on("message", onMessage);
    this.on("ping", onPing);
    this.on("pong", onPong);
    this.on("error", onError);
    this.on("close", onClose);
  }

  get owner(): LibrarySocketEvents | undefined {
    return this.#owner;
  }

  protected get socket(): Socket | undefined {
    return this.#socket;
  }

  /** Bytes that the kernel has not taken yet. */
  get waitingBytes(): number {
    return this.#socket?.writableLength ?? 0;
  }

  /** Frames that their framing made: one or several. Shared, and not changed. */
  put(frames: Uint8Array): void {
    if (this.#socket?.writable === true) this.#socket.write(frames);
  }

  putPing(): void {
    if (this.#socket?.writable === true) this.ping();
  }

  /** Answers a ping, behind all that waits. */
  putPong(payload: Buffer): void {
    if (this.waitingBytes === 0) return this.pong(payload);
    const isFirst = this.#pinged === undefined;
    // Copied: it lies in what was read.
    this.#pinged = Buffer.from(payload);
    if (isFirst) this.whenTaken(() => this.#answerPing());
  }

  /** Sends a close frame behind all that waits. */
  sayClose(code: number | undefined, reason: string | Buffer): void {
    this.#answerPing();
    super.close(code, reason);
  }

  /** Ends our side behind all that waits. */
  finish(): void {
    this.#socket?.end();
  }

  override close(code?: number, reason?: string | Buffer): void {
    if (this.#owner === undefined) super.close(code, reason);
    // With a code alone: frames were wrong. The error follows, and says which.
    else if (code === undefined || reason !== undefined)
      this.#owner.closeCame(code, reason === undefined ? NOTHING : Buffer.from(reason));
  }

  /**
   * Frees what inflated the last message. The library would keep it for the next one, although neither side
   * keeps context; where it does otherwise than we know, it keeps it.
   */
  dropInflater(): void {
    (this as unknown as Inflating)._extensions?.["permessage-deflate"]?.cleanup?.();
  }

  /** Calls `then` when the kernel has taken what waits now, unless the socket ends before. */
  protected whenTaken(then: () => void): void {
    this.#socket?.write(NOTHING, then);
  }

  #answerPing(): void {
    const payload = this.#pinged;
    this.#pinged = undefined;
    if (payload !== undefined && this.readyState === WebSocket.OPEN) this.pong(payload);
  }
}

function onMessage(this: WebSocket, data: unknown, isBinary: boolean): void {
  ownerOf(this)?.messageCame(data as Buffer, isBinary);
}

function onPing(this: WebSocket, payload: Buffer): void {
  ownerOf(this)?.pingCame(payload);
}

function onPong(this: WebSocket): void {
  ownerOf(this)?.pongCame();
}

function onError(this: WebSocket, error: Error): void {
  ownerOf(this)?.failed(error);
}

function onClose(this: WebSocket): void {
  ownerOf(this)?.hasClosed();
}

function ownerOf(socket: WebSocket): LibrarySocketEvents | undefined {
  return (socket as LibrarySocket).owner;
}
