/**
 * Node's TCP handle, as far as the front door uses it. The only file that relies on what Node does not document.
 *
 * Why: between `accept` and the hand-off a socket needs one read and a certain stop. A `net.Socket` cannot be stopped
 * for certain (`pause()` goes on reading into its buffer, and a handle that was sent away is still polled here until the
 * worker has answered: bytes are lost), and costs three times the CPU. Node's own cluster module hands raw handles
 * over in the same way. docs/adr/0003-front-door.md has the numbers; tcp-handle.test.ts checks each promise below on
 * every Node version of the matrix.
 */
import { readSync } from "node:fs";
import { type AddressInfo, createServer, Socket } from "node:net";

/** An accepted connection or a listener, below `net.Socket`. */
export interface TcpHandle {
  /** Called with what was read; with undefined at the end or an error. `this` is the handle. */
  onread: (this: TcpHandle, bytes: ArrayBuffer | undefined) => void;
  /** After it returns the kernel keeps whatever arrives. */
  readStop(): number;
  readStart(): number;
  /** The descriptor; -1 where there is none (Windows, or closed). */
  readonly fd: number;
  /** Fills in the address of the other end. */
  getpeername(name: { address?: string }): number;
  /** Closes this process' copy of the descriptor. A copy in another process lives on. */
  close(): void;
}

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
  /** Whether other processes listen on the same port, each with an accept queue of its own. Node 22.12, Linux. */
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
 * Reads what has arrived, at once: the number of bytes, 0 at the end, undefined when nothing is there or this system has
 * no descriptors; the ordinary way tells which error it was. For a socket that has waited this is the cheapest way: no
 * event loop is asked, nothing is allocated, and reading need not be stopped. Where nothing is there it is the dearest.
 */
export function readNow({ fd }: TcpHandle, into: Uint8Array): number | undefined {
  if (fd < 0) return undefined;
  try {
    return readSync(fd, into);
  } catch {
    return undefined;
  }
}

/** The handle as an ordinary socket, for answering it here or in the worker. Takes ownership. */
export function socketOf(handle: TcpHandle): Socket {
  // `handle` is an option that the typings leave out.
  const options = { handle, readable: true, writable: true, allowHalfOpen: false };
  return new Socket(options as ConstructorParameters<typeof Socket>[0]);
}
