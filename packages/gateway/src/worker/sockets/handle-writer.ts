/**
 * The handle writer: what a transport writes to a bare TCP handle, from the first byte to the end.
 *
 *     open ──► (states of the transport) ──► ending ─► flushing ──our FIN──► closed
 *       └───────────── terminate, or an error, from every state ───────────────┘
 *
 * Owns the handle, its state, and the bytes that the kernel has not taken. A transport extends it: a writer
 * as a part would be one more object for each connection. What the bytes mean, and what is read, is the
 * transport's. Invariants: bytes leave in the order in which they were put; our FIN leaves behind all of
 * them; `Connection#closed` is called exactly once for each opened connection, whichever side ended it, and
 * never during another call to the transport.
 */

import { transportAddress } from "../../admission/client-address.js";
import type { AnyWriterIo, HandleOwner, OwnedHandle, WriteOutcome } from "../../runtime/handle-io.js";
import type { Seat } from "../../runtime/tcp-handle.js";
import { UnsentBytes } from "./unsent-bytes.js";
import type { WaitingSocket } from "./waiting-sockets.js";

/** What all writers of one kind share. */
export interface WriterHome {
  readonly io: AnyWriterIo;
  /** Takes bytes that are to leave with the answer to the request; false when that has left. */
  gather(writer: object, bytes: Uint8Array): boolean;
  /** Its socket is closed. Called once. */
  gone(writer: object): void;
}

/**
 * - `ending`: our FIN follows what waits; the client's may come;
 * - `flushing`: the client's FIN has come, ours follows what waits.
 */
export type WriterState = "open" | "ending" | "flushing" | "closed";

/** `Own`: further states of a transport, between `open` and `ending`. */
export abstract class HandleWriter<
  Home extends WriterHome,
  End extends { closed(): void },
  Own extends string = never,
> implements HandleOwner, WaitingSocket
{
  /** Set once, before anything can arrive; unset when the socket is gone. */
  connection: End | undefined = undefined;
  bytesRead = 0;
  /** The client's address where the peer is a proxy: what that said, or `UNKNOWN_ADDRESS`. */
  namedAddress: string | undefined = undefined;
  protected readonly home: Home;
  protected state: WriterState | Own = "open";
  readonly #handle: Pick<OwnedHandle, "writeQueueSize">;
  /** There while the kernel has not taken all that was written. */
  #unsent: UnsentBytes | undefined = undefined;

  constructor(seat: Seat, home: Home) {
    this.home = home;
    this.#handle = home.io.own(seat, this);
  }

  /** Bytes, the transport's to change; undefined at the end of the input or an error. */
  abstract read(bytes: Buffer | undefined): void;

  get bufferedBytes(): number {
    return this.#unsent === undefined ? 0 : this.#handle.writeQueueSize + this.#unsent.bytes;
  }

  clientAddress(): string | undefined {
    if (this.state === "closed") return undefined;
    return transportAddress(this.namedAddress, () => this.home.io.peer(this.#handle));
  }

  /** Whether bytes wait for the kernel. */
  protected get isWaiting(): boolean {
    return this.#unsent !== undefined;
  }

  get destroyed(): boolean {
    return this.state === "closed";
  }

  destroy(): void {
    this.terminate();
  }

  /** Closes at once, with what waits. */
  terminate(): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.#unsent = undefined;
    this.home.io.close(this.#handle);
  }

  written(): void {
    if (this.#unsent === undefined) return;
    const chunks = this.#unsent.take();
    if (chunks.length > 0 && this.wrote(this.home.io.writeAll(this.#handle, chunks)) === "waiting") return;
    this.#unsent = undefined;
    this.drained();
    if (this.state === "ending" || this.state === "flushing") this.finish();
  }

  writeFailed(): void {
    this.terminate();
  }

  ended(): void {
    if (this.state === "flushing") this.terminate();
  }

  closed(): void {
    const { connection } = this;
    this.connection = undefined;
    this.home.gone(this);
    connection?.closed();
  }

  /** The kernel has taken what waited. */
  protected drained(): void {}

  /** Begins to read. */
  protected startReading(): void {
    if (this.state !== "closed") this.home.io.start(this.#handle);
  }

  /** What the client sends from now on waits in the kernel. */
  protected stopReading(): void {
    if (this.state !== "closed") this.home.io.stop(this.#handle);
  }

  protected put(bytes: Uint8Array): void {
    if (this.#unsent !== undefined) this.#unsent.add(bytes);
    else if (!this.home.gather(this, bytes)) this.wrote(this.home.io.write(this.#handle, bytes));
  }

  /** The same for bytes of which only the newest are kept while others wait: they leave behind those. */
  protected putNewest(bytes: Uint8Array): void {
    if (this.#unsent === undefined) this.put(bytes);
    else this.#unsent.newest = bytes;
  }

  /** Puts what leaves last: nothing of the kind "newest" follows it. */
  protected putLast(bytes: Uint8Array): void {
    this.#unsent?.settleNewest();
    this.put(bytes);
  }

  /** Sends FIN, if nothing waits; otherwise it follows in `ending` and `flushing`. */
  protected finish(): void {
    if (this.#unsent === undefined && !this.home.io.end(this.#handle)) this.terminate();
  }

  /** Not `#wrote`: V8 keeps a brand of each class with private methods in every connection. */
  private wrote(outcome: WriteOutcome): WriteOutcome {
    if (outcome === "waiting") this.#unsent ??= new UnsentBytes();
    else if (outcome === "broken") this.terminate();
    return outcome;
  }
}
