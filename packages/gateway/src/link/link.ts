/**
 * The link: messages between the primary and one worker, beside the IPC channel.
 *
 * Node's IPC channel holds every message back while a socket is being handed over on it (one at a time, in
 * order), so it carries handles and nothing else. Control and the embedded broker's traffic go over this
 * pipe, file descriptor 4 of the worker: one JSON value a line.
 *
 * Invariants: messages arrive whole, and a slow or a large one never ends the link. `send` refuses a message
 * that finds no room or is too large, and says so: the caller fails the one call, or leaves the one
 * publication out. Each kind of message has its share of the room, so that bulk is refused long before what
 * has to arrive is. Messages arrive in order, but for two kinds: urgent ones arrive before all that waits,
 * and large answers (pages) let the rest by (link-lanes.ts). What one callback of the event loop sends leaves
 * in one write, right behind it: a write is a system call here, and a wake-up on the other side.
 */
import type { Duplex } from "node:stream";
import { type Lane, LinkLanes } from "./link-lanes.js";

export interface LinkOptions {
  /** Bytes that may wait for the other side. Default 64 MiB. */
  readonly maxBufferedBytes?: number;
  /**
   * Bytes of one message, in either direction. Default 32 MiB: twice the largest publication, whose quotes
   * JSON escapes.
   */
  readonly maxMessageBytes?: number;
}

export interface LinkEvents<In> {
  message(message: In): void;
  /** All that waited has been taken by the other side. */
  drained?(): void;
  /**
   * A message beyond `maxMessageBytes` came, and was left out. The other side refuses to send one, so none
   * should.
   */
  oversized?(): void;
  /** Called once, whichever side closed it; with the reason when something went wrong. */
  closed(problem?: Error): void;
}

/** How much of what may wait a message may find waiting, from 0 to 1: the lower, the sooner it is refused. */
export const LINK_SHARES = Object.freeze({
  /** What a client can bring about at any rate: publishing and reading. */
  requests: 1 / 8,
  /** Publications for a worker, which can be left out. */
  publications: 1 / 4,
  /** Answers, which are bounded by the requests, and orders. */
  answers: 1 / 2,
  /** What starts, drains and watches a worker: small, and rare. */
  control: 1,
  /** What says that the other side is well, or asks for it: it must not wait behind pages. */
  urgent: 2,
});

/** Sends one message; `share` is one of `LINK_SHARES`, by default that of control. False: it was refused. */
export type Send<Out> = (message: Out, share?: number) => boolean;

/** The link's file descriptor in the worker, after stdio and the IPC channel. */
export const LINK_FD = 4;
/** That of the pipe for handles, where there is one. */
export const HANDLES_FD = 5;

const MIB = 1024 * 1024;
/** What the stream is given at most before it has taken what it has; the rest waits in the lanes. */
const WINDOW_BYTES = MIB / 4;
/** From this length on an answer is a page, which others need not wait for. */
const PAGE_LENGTH = 16 * 1024;
const NEWLINE = 0x0a;

export class Link<Out, In> {
  readonly #stream: Duplex;
  readonly #events: LinkEvents<In>;
  readonly #maxBufferedBytes: number;
  readonly #maxMessageBytes: number;
  readonly #lanes = new LinkLanes();
  /** Pieces of a message whose end has not come yet. */
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  /** `due`: lines wait for the end of this callback of the event loop. */
  #state: "open" | "due" | "closed" = "open";

  constructor(stream: Duplex, events: LinkEvents<In>, options: LinkOptions = {}) {
    this.#stream = stream;
    this.#events = events;
    this.#maxBufferedBytes = options.maxBufferedBytes ?? 64 * MIB;
    this.#maxMessageBytes = options.maxMessageBytes ?? 32 * MIB;
    stream.on("drain", () => this.#drained());
    stream.on("data", (chunk: Buffer) => this.#read(chunk));
    stream.on("error", (error: Error) => this.close(error));
    stream.on("close", () => this.close());
  }

  /** Bytes that wait for the other side, as a part of what may. */
  get fill(): number {
    return (this.#stream.writableLength + this.#lanes.length) / this.#maxBufferedBytes;
  }

  /**
   * Sends one message. False where there is no room for it, where it is too large, or where the link is
   * closed.
   */
  send(message: Out, share: number = LINK_SHARES.control): boolean {
    if (this.#state === "closed" || this.fill > share) return false;
    const line = `${JSON.stringify(message)}\n`;
    if (line.length > this.#maxMessageBytes) return false;
    // Its characters bound the length of most; the bytes are counted where they may exceed it.
    if (line.length * 3 > this.#maxMessageBytes && Buffer.byteLength(line) > this.#maxMessageBytes)
      return false;
    this.#lanes.add(laneOf(line, share), line);
    if (this.#state === "open") {
      this.#state = "due";
      process.nextTick(this.#leave);
    }
    return true;
  }

  /** Idempotent. What is due leaves first, as far as the stream takes it at once. */
  close(problem?: Error): void {
    if (this.#state === "closed") return;
    if (this.#state === "due" && !this.#stream.destroyed) this.#write();
    this.#state = "closed";
    this.#pieces = [];
    this.#lanes.clear();
    this.#stream.destroy();
    this.#events.closed(problem);
  }

  /** The stream has taken all that it was given. */
  #drained(): void {
    this.#write();
    if (this.#stream.writableLength === 0) this.#events.drained?.();
  }

  /** The end of a callback that has sent something. */
  readonly #leave = (): void => {
    if (this.#state !== "due") return;
    this.#state = "open";
    this.#write();
  };

  /** Gives the stream what waits, until it has its window full. */
  #write(): void {
    while (this.#lanes.length > 0 && this.#stream.writableLength < WINDOW_BYTES)
      this.#stream.write(this.#lanes.take(WINDOW_BYTES));
  }

  #read(chunk: Buffer): void {
    let start = 0;
    for (;;) {
      const newline = chunk.indexOf(NEWLINE, start);
      if (newline === -1) break;
      const piece = chunk.subarray(start, newline);
      start = newline + 1;
      this.#line(piece);
      if (this.#state === "closed") return;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  /** The end of a message. */
  #line(piece: Buffer): void {
    const isWhole = this.#pieceBytes + piece.length <= this.#maxMessageBytes;
    const line = this.#pieces.length === 0 ? piece : Buffer.concat([...this.#pieces, piece]);
    this.#pieces = [];
    this.#pieceBytes = 0;
    if (!isWhole) return this.#events.oversized?.();
    const message = parse(line.toString());
    if (message instanceof SyntaxError) this.close(message);
    else this.#events.message(message as In);
  }

  /** A piece of a message. Of one that is too large only the size is kept, until its end. */
  #keep(piece: Buffer): void {
    this.#pieceBytes += piece.length;
    if (this.#pieceBytes <= this.#maxMessageBytes) this.#pieces.push(piece);
    else this.#pieces = [];
  }
}

function laneOf(line: string, share: number): Lane {
  if (share === LINK_SHARES.urgent) return "urgent";
  return share === LINK_SHARES.answers && line.length > PAGE_LENGTH ? "pages" : "rest";
}

/** A line that is not JSON means that the two sides are out of step. */
function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (problem) {
    return problem;
  }
}
