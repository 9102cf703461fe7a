/**
 * A pipe between two processes that carries TCP handles: bytes, and with a piece of them a handle.
 *
 * Why not Node's own IPC channel: that has one handle under way at a time, wraps what goes with it in JSON
 * twice over, and answers each handle with a message (docs/adr/0069-handles-by-a-pipe.md). Both ends are made
 * of a pipe that was opened otherwise, because Node offers no other way to a pair of them. Relies, like
 * `tcp-handle.ts`, on what Node does not document; handle-pipe.test.ts checks it on every Node version of the
 * matrix. Invariant: a handle arrives with the first byte that was sent with it, and no two with one piece.
 */
import type { Socket } from "node:net";
import { constants } from "node:os";
import { writeRequestClass } from "./handle-io.js";
import { detachHandle, lengthRead, type TcpHandle } from "./tcp-handle.js";

/** What happens on it. */
export interface HandlePipeEvents {
  /** A piece of what the other end sent; the handle belongs to the message that begins in it. */
  came(bytes: Buffer, handle: TcpHandle | undefined): void;
  /**
   * What was to go with this handle was not sent, and the pipe goes on: the system has too many descriptors
   * under way. Never called from inside `send`.
   */
  unsent(handle: TcpHandle): void;
  /** The other end is gone, and all that it said was heard. Called once, and not after `close`. */
  ended(): void;
}

/** Node's object for a write. */
interface Request {
  oncomplete: (this: Request, status: number) => void;
  /** The handle that goes along. */
  handle?: TcpHandle;
  /** -1 where nothing goes on. */
  getAsyncId(): number;
}

/** Node's pipe, in its mode for handles. */
interface Pipe extends TcpHandle {
  /** The one that has just come. */
  pendingHandle: TcpHandle | null | undefined;
  open(fd: number): number;
  /**
   * Returns 0 or an error number, or from Node 26 on a request. A write with a handle is never over at once.
   */
  writeLatin1String(request: Request | null, text: string, handle?: TcpHandle): number | Request;
}

/** Node's number of the mode in which a pipe carries handles. */
const CARRIES_HANDLES = 2;
/** What a write ends with when the other end is gone, or this one: `ended` follows, or `close` was called. */
const ENDS: ReadonlySet<number> = new Set([
  constants.errno.EPIPE,
  constants.errno.ECONNRESET,
  constants.errno.ECANCELED,
]);

export class HandlePipe {
  readonly #events: HandlePipeEvents;
  readonly #shell: Socket;
  readonly #pipe: Pipe;
  /** Undefined from Node 26 on. */
  readonly #Write = writeRequestClass() as (new () => Request) | undefined;
  readonly #oncomplete: Request["oncomplete"];
  #isOpen = true;
  /** Bytes, as an int32. */
  #read = 0;

  /**
   * Takes over the unread pipe of `shell`, which closes when the pipe has ended. The handle that Node made
   * for it stays behind, open and idle: closed, it would take the descriptor along.
   */
  constructor(shell: Socket, events: HandlePipeEvents) {
    this.#events = events;
    this.#shell = shell;
    // Nothing is read or written by it any more; an error of it all the same must not end the process.
    shell.on("error", () => this.#end());
    this.#pipe = reopened(shell);
    this.#oncomplete = function (status) {
      if (status < 0 && !ENDS.has(-status) && this.handle !== undefined) events.unsent(this.handle);
    };
    this.#pipe.onread = (bytes) => this.#came(bytes);
    this.#pipe.readStart();
  }

  /** Sends latin1 text and a handle, which stays the caller's, and open until the other end has it. */
  send(text: string, handle: TcpHandle): void {
    if (!this.#isOpen) return;
    const request = this.#Write === undefined ? null : new this.#Write();
    if (request !== null) request.oncomplete = this.#oncomplete;
    const result = this.#pipe.writeLatin1String(request, text, handle);
    if (typeof result !== "number") result.oncomplete = this.#oncomplete;
    const isUnderWay = typeof result === "number" ? result === 0 : result.getAsyncId() !== -1;
    if (!isUnderWay) process.nextTick(() => this.#events.unsent(handle));
  }

  /** Sends text alone. */
  say(text: string): void {
    if (!this.#isOpen) return;
    this.#pipe.writeLatin1String(this.#Write === undefined ? null : new this.#Write(), text);
  }

  /** Idempotent. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#pipe.close();
    this.#shell.destroy();
  }

  #end(): void {
    if (!this.#isOpen) return;
    this.close();
    this.#events.ended();
  }

  #came(bytes: ArrayBuffer | undefined): void {
    const { pendingHandle } = this.#pipe;
    this.#pipe.pendingHandle = null;
    if (bytes === undefined) return this.#end();
    const length = lengthRead(this.#pipe, bytes, this.#read);
    this.#read = (this.#read + length) | 0;
    this.#events.came(Buffer.from(bytes, 0, length), pendingHandle ?? undefined);
  }
}

/** The same pipe in its mode for handles. */
function reopened(shell: Socket): Pipe {
  const plain = detachHandle(shell);
  if (plain === undefined) throw new Error("the pipe for handles has closed");
  plain.readStop();
  const pipe = new (plain.constructor as new (mode: number) => Pipe)(CARRIES_HANDLES);
  const problem = pipe.open(plain.fd);
  if (problem !== 0) throw new Error(`the pipe for handles cannot be opened: error ${problem}`);
  return pipe;
}
