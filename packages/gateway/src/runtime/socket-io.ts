/**
 * Reading, writing and ending connections as `HandleIo` does, by documented methods of `net.Socket` alone:
 * for the event streams of a worker with the engine `ws`.
 *
 * Takes ordinary sockets, also those that Node's HTTP server still knows, whose parser hears what is read,
 * too. Invariant: an owner hears the same events in the same order as from `HandleIo`.
 */
import type { Socket } from "node:net";
import type { HandleOwner, WriteOutcome, WriterIo } from "./handle-io.js";
import { ReadBudget } from "./read-budget.js";
import { asSocket, type Seat } from "./tcp-handle.js";

/** A socket whose owner reads and writes, by `SocketIo`. */
export class OwnedSocket {
  readonly socket: Socket;
  /** Whether the owner waits until the kernel has taken what was written. */
  isWaiting = false;
  /** Called for each write that the kernel has taken. */
  readonly taken: () => void;

  constructor(socket: Socket, owner: HandleOwner) {
    this.socket = socket;
    this.taken = () => {
      if (!this.isWaiting || socket.destroyed || socket.writableLength > 0) return;
      this.isWaiting = false;
      owner.written();
    };
  }

  /** Bytes of writes that the kernel has not taken yet. */
  get writeQueueSize(): number {
    return this.socket.writableLength;
  }
}

export class SocketIo implements WriterIo<OwnedSocket> {
  readonly #budget: ReadBudget;
  readonly #owners = new WeakMap<Socket, HandleOwner>();

  constructor(budget = new ReadBudget()) {
    this.#budget = budget;
  }

  /** Gives the socket to its owner; nothing is read before `start`. */
  own(seat: Seat, owner: HandleOwner): OwnedSocket {
    const socket = asSocket(seat).setNoDelay(true);
    this.#owners.set(socket, owner);
    const readable = { readStop: () => socket.pause(), readStart: () => socket.resume() };
    socket.on("data", (bytes: Buffer) => {
      this.#budget.read(readable, bytes.length);
      owner.read(bytes);
    });
    socket.on("end", () => owner.read(undefined));
    socket.on("close", () => {
      // An owner that did not close it forgets what waits.
      owner.writeFailed();
      owner.closed();
    });
    // A listener for `data` makes it flow.
    socket.pause();
    return new OwnedSocket(socket, owner);
  }

  peer({ socket }: OwnedSocket): string | undefined {
    return socket.remoteAddress;
  }

  start({ socket }: OwnedSocket): void {
    socket.resume();
  }

  stop({ socket }: OwnedSocket): void {
    socket.pause();
  }

  write(owned: OwnedSocket, bytes: Uint8Array): WriteOutcome {
    return this.writeAll(owned, [bytes]);
  }

  writeAll(owned: OwnedSocket, chunks: readonly Uint8Array[]): WriteOutcome {
    const { socket } = owned;
    if (!socket.writable) return "broken";
    socket.cork();
    for (const chunk of chunks) socket.write(chunk, owned.taken);
    socket.uncork();
    if (socket.writableLength === 0) return "taken";
    owned.isWaiting = true;
    return "waiting";
  }

  /** The socket ends our side by itself when the client has ended its own. */
  end({ socket }: OwnedSocket): boolean {
    if (socket.destroyed) return false;
    const ended = (): void => this.#owners.get(socket)?.ended();
    if (socket.writableFinished) setImmediate(ended);
    else socket.once("finish", ended);
    socket.end();
    return true;
  }

  close({ socket }: OwnedSocket): void {
    socket.destroy();
  }
}
