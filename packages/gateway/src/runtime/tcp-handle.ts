/**
 * Node's TCP handle, as far as the front door and the worker use it: listening, one read, and the way between
 * a handle and an ordinary socket. This file, `handle-io.ts` and `handle-pipe.ts` alone rely on what Node
 * does not document.
 *
 * Why at the door: between `accept` and the hand-off a socket needs one read and a certain stop. A
 * `net.Socket` cannot be stopped for certain (`pause()` goes on reading into its buffer, and a handle that
 * was sent away is still polled here until the worker has answered: bytes are lost), and costs three times
 * the CPU. Node's own cluster module hands raw handles over in the same way. docs/adr/0003-front-door.md has
 * the numbers. tcp-handle.test.ts checks each promise below on every Node version of the matrix.
 */
import { readSync } from "node:fs";
import { type AddressInfo, createServer, Socket } from "node:net";
import type { Readable } from "./read-budget.js";

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
  /** Fills in the address of the other end. A Unix socket has none. */
  getpeername?(name: { address?: string; port?: number }): number;
  /** Closes this process' copy of the descriptor. A copy in another process lives on. */
  close(): void;
}

/** A connection as it is handed on inside a worker: below `net.Socket`, or as one. */
export type Seat = TcpHandle | Socket;

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

/** The address and port at the other end; undefined when it has gone, and on a Unix socket. */
export function remoteEndOf(
  handle: TcpHandle,
): { readonly address: string; readonly port: number } | undefined {
  const { address, port = 0 } = nameOf(handle);
  return address === undefined ? undefined : { address, port };
}

/** The address at the other end; undefined when it has gone, and on a Unix socket. */
export function peerOf(handle: TcpHandle): string | undefined {
  return nameOf(handle).address;
}

function nameOf(handle: TcpHandle): { address?: string; port?: number } {
  const name: { address?: string; port?: number } = {};
  handle.getpeername?.(name);
  return name;
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

/** The connection as an ordinary socket, whatever it came as. */
export function asSocket(seat: Seat): Socket {
  return seat instanceof Socket ? seat.on("error", ignoreError) : socketOf(seat);
}

/**
 * The handle in a socket that reads nothing, as `subprocess.send` takes it: so the process at the other end
 * gets an ordinary socket, of Node's making. The handle stays the caller's, to close.
 */
export function parcelOf(handle: TcpHandle): Socket {
  // `pauseOnCreate` is what `net.Server` makes its sockets with; the typings leave it out.
  const options = { handle, pauseOnCreate: true };
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
  readonly parser?: { unconsume(): void } | null;
}

/** An HTTP server's parser reads no more of the socket; what comes waits in it, as far as it has room. */
export function stopInput(socket: Socket): void {
  (socket as unknown as Parsed).parser?.unconsume();
  socket.pause();
}

/** What Node reads at most in one go. */
const READ_BYTES = 65_536;

/**
 * How many of the bytes that `onread` was given were read; `before`: how many `onread` was given before, as
 * an int32.
 */
export function lengthRead(handle: TcpHandle, bytes: ArrayBuffer, before: number): number {
  return bytes.byteLength < READ_BYTES ? bytes.byteLength : (handle.bytesRead - before) | 0;
}
