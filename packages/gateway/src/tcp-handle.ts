/**
 * Node's TCP handle, as far as the front door uses it. The only file that relies on what Node does not document.
 *
 * Why: between `accept` and the hand-off a socket needs one read and a certain stop. A `net.Socket` cannot be stopped
 * for certain (`pause()` goes on reading into its buffer, and a handle that was sent away is still polled here until the
 * worker has answered: bytes are lost), and costs three times the CPU. Node's own cluster module hands raw handles
 * over in the same way. docs/adr/0003-front-door.md has the numbers; tcp-handle.test.ts checks each promise below on
 * every Node version of the matrix.
 */
import { type AddressInfo, createServer, Socket } from "node:net";

/** An accepted connection or a listener, below `net.Socket`. */
export interface TcpHandle {
  /** Called with what was read; with undefined at the end or an error. `this` is the handle. */
  onread: (this: TcpHandle, bytes: ArrayBuffer | undefined) => void;
  /** After it returns the kernel keeps whatever arrives. */
  readStop(): number;
  readStart(): number;
  /** Fills in the address of the other end. */
  getpeername(name: { address?: string }): number;
  /** Closes this process' copy of the descriptor. A copy in another process lives on. */
  close(): void;
}

interface ListenHandle extends TcpHandle {
  onconnection: (this: ListenHandle, status: number, accepted: TcpHandle | undefined) => void;
}

export interface TcpListener {
  readonly port: number;
  /** Stops listening; accepted connections live on. */
  close(): void;
}

/**
 * Listens on one port. `accept` gets each connection unread, or undefined when the system could not accept one. Rejects
 * with the system's error, such as EADDRINUSE.
 *
 * Accepting cannot be paused: what may be too much has to be refused. And out of descriptors libuv closes, on Linux,
 * what it cannot take without a word, so that limits have to be kept before.
 */
export async function listenTcp(
  host: string,
  port: number,
  backlog: number,
  accept: (handle: TcpHandle | undefined) => void,
): Promise<TcpListener> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, backlog }, resolve);
  });
  const { _handle: listener } = server as unknown as { readonly _handle: ListenHandle };
  listener.onconnection = (_status, accepted) => accept(accepted);
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

/** The handle as an ordinary socket, for answering it here or in the worker. Takes ownership. */
export function socketOf(handle: TcpHandle): Socket {
  // `handle` is an option that the typings leave out.
  const options = { handle, readable: true, writable: true, allowHalfOpen: false };
  return new Socket(options as ConstructorParameters<typeof Socket>[0]);
}
