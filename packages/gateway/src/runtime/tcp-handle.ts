/**
 * Node's TCP handle, as far as the front door and the WebSockets use it. The only file that relies on what
 * Node does not document.
 *
 * Why at the door: between `accept` and the hand-off a socket needs one read and a certain stop. A
 * `net.Socket` cannot be stopped for certain (`pause()` goes on reading into its buffer, and a handle that
 * was sent away is still polled here until the worker has answered: bytes are lost), and costs three times
 * the CPU. Node's own cluster module hands raw handles over in the same way. docs/adr/0003-front-door.md has
 * the numbers. Why in the worker: a `net.Socket` for each WebSocket is a third of its memory, and its write
 * path a quarter of a delivery: docs/adr/0012-websocket-on-the-handle.md. tcp-handle.test.ts checks each
 * promise below on every Node version of the matrix.
 */
import { readSync } from "node:fs";
import { type AddressInfo, createServer, Socket } from "node:net";
import { type Readable, ReadBudget } from "./read-budget.js";

/** An accepted connection or a listener, below `net.Socket`. */
export interface TcpHandle {
  /**
   * Called with what was read; with undefined at the end or an error. `this` is the handle. Node 26 gives a
   * read of more than 48 KiB in an array of 64 KiB whose rest is noise: `lengthRead` says how much is not.
   */
  onread: (this: TcpHandle, bytes: ArrayBuffer | undefined) => void;
  /** After it returns the kernel keeps whatever arrives. */
  readStop(): number;
  readStart(): number;
  /** Bytes that the event loop has read from it in this process. */
  readonly bytesRead: number;
  /** The descriptor; -1 where there is none (Windows, or closed). */
  readonly fd: number;
  /** Fills in the address of the other end. */
  getpeername(name: { address?: string }): number;
  /** Closes this process' copy of the descriptor. A copy in another process lives on. */
  close(): void;
}

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

/** A listening one. */
export interface ListenHandle extends TcpHandle {
  onconnection: (this: ListenHandle, status: number, accepted: TcpHandle | undefined) => void;
  /** Begins to accept; an error number of the system if not 0. */
  listen(backlog: number): number;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Length of the kernel's accept queue, bounded by net.core.somaxconn. */
  readonly backlog: number;
  /**
   * Whether other processes listen on the same port, each with an accept queue of its own. Node 22.12, Linux.
   */
  readonly reusePort?: boolean;
}

/** Opens a listening socket. Rejects with the system's error, such as EADDRINUSE. */
export async function openListenHandle(
  options: ListenOptions,
): Promise<{ handle: ListenHandle; port: number }> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    // In a worker of a cluster the primary would listen in its place.
    server.listen({ ...options, exclusive: true }, resolve);
  });
  const { _handle: handle } = server as unknown as { readonly _handle: ListenHandle };
  return { handle, port: (server.address() as AddressInfo).port };
}

/**
 * Reads what has arrived, at once: the number of bytes, 0 at the end, undefined when nothing is there or this
 * system has no descriptors; the ordinary way tells which error it was. For a socket that has waited this is
 * the cheapest way: no event loop is asked, nothing is allocated, and reading need not be stopped. Where
 * nothing is there it is the dearest.
 */
export function readNow({ fd }: TcpHandle, into: Uint8Array): number | undefined {
  if (fd < 0) return undefined;
  try {
    return readSync(fd, into);
  } catch {
    return undefined;
  }
}

/** The address at the other end; undefined when it has gone. */
export function peerOf(handle: TcpHandle): string | undefined {
  const name: { address?: string } = {};
  handle.getpeername(name);
  return name.address;
}

/**
 * The handle as an ordinary socket, for answering it here or in the worker; its errors show as its end. Takes
 * ownership.
 */
export function socketOf(handle: TcpHandle): Socket {
  // `handle` is an option that the typings leave out.
  const options = { handle, readable: true, writable: true, allowHalfOpen: false };
  return new Socket(options as ConstructorParameters<typeof Socket>[0]).on("error", ignoreError);
}

function ignoreError(): void {}

/**
 * Takes the handle out of a socket whose writes are done. The socket is left without one: destroy it, at the
 * latest when the connection has ended. Undefined when it has closed meanwhile.
 */
export function detachHandle(socket: Socket): TcpHandle | undefined {
  // As Node's child_process does when it sends a socket away.
  const holder = socket as unknown as {
    _handle: TcpHandle | null;
    readonly parser?: { unconsume(): void } | null;
  };
  const handle = holder._handle;
  if (handle === null) return undefined;
  // An HTTP server's parser reads from the handle itself.
  holder.parser?.unconsume();
  holder._handle = null;
  socket.setTimeout(0);
  return handle;
}

/**
 * An ordinary socket as a read budget stops it: its handle, whatever reads it. Node may have stopped it for
 * reasons of its own meanwhile, and then starts it itself.
 */
export function readableOf(socket: Socket): Readable {
  const holder = socket as unknown as {
    readonly _handle: (TcpHandle & { readonly reading: boolean }) | null;
  };
  return {
    readStop: () => holder._handle?.readStop(),
    readStart: () => {
      if (holder._handle?.reading === true) holder._handle.readStart();
    },
  };
}

/** What an HTTP server keeps for a socket; Node does not export it. */
interface Parsed {
  readonly parser?: { unconsume(): void; readonly incoming?: { readonly complete: boolean } | null } | null;
}

/** An HTTP server's parser reads no more of the socket; what comes waits in it, as far as it has room. */
export function holdInput(socket: Socket): void {
  (socket as unknown as Parsed).parser?.unconsume();
  socket.pause();
}

/** Whether an HTTP server's parser is within a request whose head it has read. */
export function readsRequest(socket: unknown): boolean {
  return (socket as Parsed).parser?.incoming?.complete === false;
}

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
      `Node.js ${process.version} writes to TCP in a way that is not known here; use 20, 22, 24 or 26`,
    );
  }
  return {
    owner,
    Shutdown: shutdown.constructor as RequestClass,
    Write: write === null ? undefined : (write.constructor as RequestClass),
  };
}

/** What Node reads at most in one go. */
const READ_BYTES = 65_536;

/** What became of a write. After `broken` nothing more will arrive. */
export type WriteOutcome = "taken" | "waiting" | "broken";

/**
 * How many of the bytes that `onread` was given were read; `before`: how many `onread` was given before, as
 * an int32.
 */
export function lengthRead(handle: TcpHandle, bytes: ArrayBuffer, before: number): number {
  return bytes.byteLength < READ_BYTES ? bytes.byteLength : (handle.bytesRead - before) | 0;
}

/**
 * Reads, writes and ends handles for their owners, without an object, a closure or a listener for each.
 *
 * The kernel takes nearly every write at once, and then one request serves for the next write too. One handle
 * brings a bounded number of bytes in a turn (`ReadBudget`). Invariant: a request that went on is never used
 * again.
 */
export class HandleIo {
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
