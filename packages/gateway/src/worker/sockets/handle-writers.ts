/**
 * The handle writers of one kind: counts them, tells when one has ended, and ends those that take too long to
 * leave.
 *
 * Owns what core writes while a connection is being opened. Invariant: that leaves in one piece with the
 * answer to the request, and behind it.
 */
import type { Clock } from "@holdfast/core";
import type { AnyWriterIo } from "../../runtime/handle-io.js";
import type { WriterHome } from "./handle-writer.js";
import { type WaitingSocket, WaitingSockets } from "./waiting-sockets.js";

/**
 * How long the other side may take to end, or to answer a close frame, ms. Short: a drain closes all
 * connections.
 */
export const CLOSE_TIMEOUT_MS = 5_000;

export abstract class HandleWriters<Writer extends WaitingSocket> implements WriterHome {
  readonly io: AnyWriterIo;
  readonly #leaving: WaitingSockets<Writer>;
  /** By writer: what is to be done at its end. */
  readonly #ended = new Map<Writer, () => void>();
  /** The connection that is being opened, and what is to leave with its answer. */
  #opening: { readonly writer: Writer; readonly gathered: Uint8Array[] } | undefined;
  #open = 0;

  constructor(clock: Clock, io: AnyWriterIo) {
    this.io = io;
    // As many as there are connections.
    this.#leaving = new WaitingSockets(clock, CLOSE_TIMEOUT_MS, Number.POSITIVE_INFINITY);
  }

  /** Sockets that are of this kind now, closing ones included. */
  get open(): number {
    return this.#open;
  }

  isOpening(writer: Writer): boolean {
    return this.#opening?.writer === writer;
  }

  gather(writer: Writer, bytes: Uint8Array): boolean {
    if (this.#opening?.writer !== writer) return false;
    this.#opening.gathered.push(bytes);
    return true;
  }

  /** It should end soon. Called once. */
  leaving(writer: Writer): void {
    this.#leaving.add(writer);
  }

  gone(writer: Writer): void {
    this.#open--;
    this.#leaving.release(writer);
    const ended = this.#ended.get(writer);
    if (ended === undefined) return;
    this.#ended.delete(writer);
    ended();
  }

  /** Ends those that are leaving; the others are core's to end. Idempotent. */
  close(): void {
    this.#leaving.close();
  }

  /** A connection is being opened, until `takeGathered`: what it writes leaves behind `answer`. */
  protected begin(writer: Writer, answer: readonly Uint8Array[], ended: (() => void) | undefined): void {
    this.#open++;
    if (ended !== undefined) this.#ended.set(writer, ended);
    this.#opening = { writer, gathered: [...answer] };
  }

  /** The answer, with what was written since `begin`. */
  protected takeGathered(): Uint8Array {
    const gathered = this.#opening?.gathered ?? [];
    this.#opening = undefined;
    return gathered.length === 1 ? (gathered[0] as Uint8Array) : Buffer.concat(gathered);
  }
}
