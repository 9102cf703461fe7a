/**
 * Reading, writing and ending TCP handles below `net.Socket`, for the WebSockets and event streams of a
 * worker.
 *
 * Why: a `net.Socket` for each WebSocket is a third of its memory, and its write path a quarter of a
 * delivery: docs/adr/0012-websocket-on-the-handle.md. Relies, like `tcp-handle.ts`, on what Node does not
 * document; tcp-handle.test.ts checks it on every Node version of the matrix. What a handle is and how it is
 * come by is in `tcp-handle.ts`. Invariant: a request that went on is never used again.
 */
import { ReadBudget } from "./read-budget.js";
import { lengthRead, peerOf, type Seat, socketOf, type TcpHandle } from "./tcp-handle.js";

/** A handle whose owner reads and writes, by `HandleIo`. */
export interface OwnedHandle extends TcpHandle {
  /** Bytes of writes that the kernel has not taken yet. */
  readonly writeQueueSize: number;
  /** Not on a Unix socket. */
  setNoDelay?(enable: boolean): number;
  /** Returns 0 or a negative error number, or from Node 26 on the request of a write that goes on. */
  writeBuffer(request: Request | null, bytes: Uint8Array): number | Request;
  /** The same for several; `true`: all of them are bytes. */
  writev(request: Request | null, chunks: readonly Uint8Array[], allBytes: true): number | Request;
  /** Sends FIN behind what was written. Returns 1 when that was done at once. */
  shutdown(request: Request): number;
  close(closed?: (this: TcpHandle) => void): void;
}

/** Node's object for a write or a shutdown that the kernel could not take at once. */
interface Request {
  oncomplete: (this: Request, status: number) => void;
  handle?: TcpHandle;
  /** Kept from the garbage collector until the kernel has it. */
  bytes?: Uint8Array | readonly Uint8Array[];
  /** Node 26: how a write ended that was over before `oncomplete` was there. */
  writeStatus?: number | null;
  /** -1 until something goes on. */
  getAsyncId(): number;
}

type RequestClass = new () => Request;

/** Whom a handle belongs to: told of what happens on it. */
export interface HandleOwner {
  /** Written by `HandleIo` alone: bytes read so far, in 32 bits, so that it stays a small integer. */
  bytesRead: number;
  /** Bytes, the owner's to change; undefined at the end of the input or an error. */
  read(bytes: Buffer | undefined): void;
  /** The kernel has taken what it could not take at once. */
  written(): void;
  /** What was written before will not arrive. */
  writeFailed(): void;
  /** FIN went out behind all that was written. */
  ended(): void;
  /** After `close`, once. */
  closed(): void;
}

/** What Node uses for reading and writing and does not export. */
interface Internals {
  /** The property in which a handle names its owner; every handle has it, so that it costs no memory. */
  readonly owner: symbol;
  readonly Shutdown: RequestClass;
  /** Undefined from Node 26 on, where the handle makes a request when it needs one. */
  readonly Write: RequestClass | undefined;
}

/** Looks on while Node writes to a handle and ends it. */
function discover(): Internals {
  let write: object | null | undefined;
  let shutdown: object | undefined;
  const stage = {
    readStart: () => 0,
    readStop: () => 0,
    writeBuffer(request: object | null): number {
      write = request;
      return 0;
    },
    shutdown(request: object): number {
      shutdown = request;
      return 1;
    },
    close: () => {},
  };
  // Two sockets: the first may go on to believe that its write is under way.
  socketOf(stage as unknown as TcpHandle).write(Buffer.of(0));
  socketOf(stage as unknown as TcpHandle).end();
  const owner = Object.getOwnPropertySymbols(stage).find((name) => name.description === "owner_symbol");
  if (owner === undefined || write === undefined || shutdown === undefined) {
    throw new Error(
      `Node.js ${process.version} writes to TCP in a way that the engine lean does not know: set engine to ws`,
    );
  }
  return {
    owner,
    Shutdown: shutdown.constructor as RequestClass,
    Write: write === null ? undefined : (write.constructor as RequestClass),
  };
}

/** Node's class of requests to write; undefined from Node 26 on, where the handle makes them. */
export function writeRequestClass(): (new () => object) | undefined {
  return discover().Write;
}

/** What keeps `HandleIo` from working on this Node.js, as a clause; undefined where it works. */
export function handleIoProblem(): string | undefined {
  try {
    discover();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What became of a write. After `broken` nothing more will arrive. */
export type WriteOutcome = "taken" | "waiting" | "broken";

/** What a writer asks of the way to the kernel; `Owned`: what it has in its hands. */
export interface WriterIo<Owned extends Pick<OwnedHandle, "writeQueueSize"> = OwnedHandle> {
  /** `seat`: what this way takes. */
  own(seat: Seat, owner: HandleOwner): Owned;
  start(owned: Owned): void;
  stop(owned: Owned): void;
  write(owned: Owned, bytes: Uint8Array): WriteOutcome;
  writeAll(owned: Owned, chunks: readonly Uint8Array[]): WriteOutcome;
  end(owned: Owned): boolean;
  close(owned: Owned): void;
  /** The address at the other end; undefined where there is none, or it has gone. */
  peer(owned: Owned): string | undefined;
}

/** The same where it does not matter what that is. */
export type AnyWriterIo = WriterIo<Pick<OwnedHandle, "writeQueueSize">>;

/**
 * Reads, writes and ends handles for their owners, without an object, a closure or a listener for each.
 *
 * The kernel takes nearly every write at once, and then one request serves for the next write too. One handle
 * brings a bounded number of bytes in a turn (`ReadBudget`).
 */
export class HandleIo implements WriterIo {
  readonly #internals: Internals;
  readonly #onread: TcpHandle["onread"];
  readonly #onclose: (this: TcpHandle) => void;
  readonly #onwritten: Request["oncomplete"];
  readonly #onended: Request["oncomplete"];
  #spare: Request | null;

  constructor(budget = new ReadBudget()) {
    this.#internals = discover();
    const { owner, Write } = this.#internals;
    const ownerOf = (handle: TcpHandle | undefined): HandleOwner =>
      (handle as unknown as Record<symbol, HandleOwner>)[owner] as HandleOwner;
    this.#onread = function (bytes) {
      const owner = ownerOf(this);
      if (bytes === undefined) return owner.read(undefined);
      const length = lengthRead(this, bytes, owner.bytesRead);
      owner.bytesRead = (owner.bytesRead + length) | 0;
      budget.read(this, length);
      owner.read(Buffer.from(bytes, 0, length));
    };
    this.#onclose = function () {
      ownerOf(this).closed();
    };
    this.#onwritten = function (status) {
      if (status < 0) ownerOf(this.handle).writeFailed();
      else ownerOf(this.handle).written();
    };
    this.#onended = function (status) {
      if (status < 0) ownerOf(this.handle).writeFailed();
      else ownerOf(this.handle).ended();
    };
    this.#spare = Write === undefined ? null : new Write();
  }

  /**
   * Gives the handle to its owner; nothing is read before `start`. Small writes leave at once from here on.
   */
  own(handle: TcpHandle, owner: HandleOwner): OwnedHandle {
    const owned = handle as OwnedHandle;
    (owned as unknown as Record<symbol, HandleOwner>)[this.#internals.owner] = owner;
    owner.bytesRead = owned.bytesRead | 0;
    owned.onread = this.#onread;
    owned.setNoDelay?.(true);
    return owned;
  }

  peer(handle: OwnedHandle): string | undefined {
    return peerOf(handle);
  }

  /** Begins to read. */
  start(handle: OwnedHandle): void {
    handle.readStart();
  }

  /** Reads no more for now: what its peer sends fills the kernel's buffer, and then the peer has to wait. */
  stop(handle: OwnedHandle): void {
    handle.readStop();
  }

  /**
   * Writes. What the kernel does not take at once waits in the handle: `written` or `writeFailed` follows.
   */
  write(handle: OwnedHandle, bytes: Uint8Array): WriteOutcome {
    return this.#outcome(handle.writeBuffer(this.#spare, bytes), handle, bytes);
  }

  /** The same for several, in one go. */
  writeAll(handle: OwnedHandle, chunks: readonly Uint8Array[]): WriteOutcome {
    return this.#outcome(handle.writev(this.#spare, chunks, true), handle, chunks);
  }

  /** Sends FIN behind all that was written, then tells the owner. False when the connection is broken. */
  end(handle: OwnedHandle): boolean {
    const request = new this.#internals.Shutdown();
    request.handle = handle;
    request.oncomplete = this.#onended;
    const result = handle.shutdown(request);
    if (result === 1) this.#onended.call(request, 0);
    return result >= 0;
  }

  /** Closes at once, with what waits; then tells the owner. Call it once. */
  close(handle: OwnedHandle): void {
    handle.close(this.#onclose);
  }

  #outcome(
    result: number | Request,
    handle: OwnedHandle,
    bytes: NonNullable<Request["bytes"]>,
  ): WriteOutcome {
    let request = this.#spare;
    if (typeof result !== "number") {
      request = result;
    } else {
      if (result === 0 && (request === null || request.getAsyncId() === -1)) return "taken";
      const { Write } = this.#internals;
      this.#spare = Write === undefined ? null : new Write();
      if (result !== 0 || request === null) return "broken";
    }
    if ((request.writeStatus ?? 1) < 0) return "broken";
    if (request.writeStatus === 0) return "taken";
    request.handle = handle;
    request.bytes = bytes;
    request.oncomplete = this.#onwritten;
    return "waiting";
  }
}
