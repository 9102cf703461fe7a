/**
 * The transport of a WebSocket of the `ws` package, on an ordinary socket: what the client sends, and what it
 * costs. The writing half and the end are `LibraryWriter`'s.
 *
 * The limits and words are those of `worker/websocket/transport.ts`. The library reads frames and inflates
 * messages; what has come of others is followed by `FrameCourse`. Invariant: what a connection holds of an
 * unfinished message, inflated or not, is counted in the budget of such messages.
 */
import type { Socket } from "node:net";
import { type Framing, type Transport, tenthsFor } from "@holdfast/core";
import { disconnects } from "@holdfast/protocol";
import { transportAddress } from "../../admission/client-address.js";
import type { Unfinished } from "../sockets/unfinished-messages.js";
import { rowOf } from "../websocket/violations.js";
import { FrameCourse } from "./frame-course.js";
import type { LibrarySocket, LibrarySocketEvents } from "./library-socket.js";
import { violationOf } from "./library-violations.js";
import { type LibraryHome, LibraryWriter } from "./library-writer.js";

/** As in `worker/websocket/transport.ts`. */
const SMALL_READ_BYTES = 256;
const LOUD_BYTES = 8 * 1024;

export class LibraryTransport extends LibraryWriter implements Transport, Unfinished, LibrarySocketEvents {
  /** As in `worker/sockets/handle-writer.ts`. */
  namedAddress: string | undefined = undefined;
  readonly #socket: Socket;
  /** Follows the message that is not complete. */
  #course: FrameCourse | undefined = undefined;
  /**
   * While the library inflates a message: whether it was compressed, and each that came behind it. Messages
   * are heard in this order.
   */
  #inflating: boolean[] | undefined = undefined;

  /** `library` speaks on `socket`. */
  constructor(socket: Socket, library: LibrarySocket, framing: Framing, home: LibraryHome) {
    super(library, framing, home);
    this.#socket = socket;
    library.begin(this, socket);
    // Behind the library's own listener: what it hears is heard before.
    socket.on("data", (bytes: Buffer) => this.#read(bytes));
    socket.on("end", () => this.#inputEnded());
  }

  clientAddress(): string | undefined {
    return transportAddress(this.namedAddress, () => this.#socket.remoteAddress);
  }

  /** For the read budget: what the client sends from now on waits in the kernel, but for one read. */
  readStop(): void {
    this.library.pause();
  }

  readStart(): void {
    if (this.isReading) this.library.resume();
  }

  messageCame(data: Buffer, isBinary: boolean): void {
    if (!this.isReading) return;
    if (this.#inflating?.shift() === true && !this.#inflated(data.length)) return;
    if (this.#inflating?.length === 0) this.#inflating = undefined;
    if (!this.isOpen) this.#spend(1 + tenthsFor(data.length));
    else this.connection?.receive(isBinary ? data : data.toString());
  }

  /** While bytes wait only the newest ping is answered, behind them. */
  pingCame(payload: Buffer): void {
    if (this.isOpen) this.library.putPong(payload);
    this.pongCame();
  }

  pongCame(): void {
    if (!this.isReading) return;
    if (this.isOpen) this.connection?.alive();
    this.#spend(1);
  }

  closeCame(code: number | undefined, reason: Buffer): void {
    this.answerClose(code, reason);
  }

  failed(error: Error): void {
    const violation = violationOf(error);
    // What happens to the socket ends it by itself.
    if (violation === undefined || !this.isReading) return;
    const { code, sentence } = violation;
    if (this.isOpen) this.connection?.refuse(rowOf(code), sentence);
    this.close(code, sentence);
    this.end();
  }

  /** The rest of a message is awaited no longer. */
  abandon(why: string): void {
    this.connection?.disconnect(disconnects.unfinished, why);
    this.end();
  }

  protected dropInput(): void {
    if (this.#course === undefined) return;
    this.#course = undefined;
    this.home.unfinished.release(this);
  }

  #read(bytes: Buffer): void {
    if (!this.isReading) {
      if (bytes.length >= LOUD_BYTES) this.library.pause();
      return;
    }
    this.home.budget.read(this, bytes.length);
    const before = this.#course;
    const course = before ?? this.home.course;
    course.follow(bytes, this.#inflating !== undefined);
    if (course.kinds !== undefined) {
      this.#inflating ??= [];
      for (const kind of course.kinds) this.#inflating.push(kind);
    }
    if (course.fragments > 0 && !this.#spend(course.fragments + tenthsFor(bytes.length))) return;
    if (course.heldBytes === 0) {
      this.#course = undefined;
      if (before !== undefined) this.home.unfinished.release(this);
      return;
    }
    if (before === undefined) {
      this.#course = course;
      this.home.course = new FrameCourse();
    }
    const isSmall = bytes.length < SMALL_READ_BYTES && course.ended === 0;
    if (isSmall && !this.#spend(1)) return;
    const held = course.heldBytes + Math.min(course.inflatedBytes, this.home.maxPayload);
    this.home.unfinished.hold(this, held, course.isNew);
  }

  /** A compressed message has become so many bytes, before it is heard. */
  #inflated(bytes: number): boolean {
    this.library.dropInflater();
    this.home.metrics.add("inflated", 1);
    this.home.metrics.add("inflated_bytes", bytes);
    return this.#spend(1 + tenthsFor(bytes));
  }

  /** Charges work to the connection. False when nothing more should be read. */
  #spend(tenths: number): boolean {
    if (this.connection?.spend(tenths) === false) this.end();
    return this.isReading;
  }

  /** A client that reads no more has no use for what waits; but it may only have ended its own side. */
  #inputEnded(): void {
    this.inputHasEnded();
    // What it said before is still being inflated: the library ends the socket behind that.
    if (this.#inflating !== undefined) return;
    if (this.bufferedBytes === 0) this.terminate();
    else this.end();
  }
}
