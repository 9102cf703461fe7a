/**
 * The link: messages between the primary and one worker, beside the IPC channel.
 *
 * Node's IPC channel holds every message back while a socket is being handed over on it (one at a time, in order),
 * so it carries sockets and nothing else. Control and the embedded broker's traffic go over this pipe, file
 * descriptor 4 of the worker: one JSON value a line.
 *
 * Invariant: messages arrive whole and in order, or the link is closed. A side that does not read is bounded by
 * `maxBufferedBytes`, after which the link closes with a `LinkOverflow`: a worker that lost a message is no longer in
 * step and must start anew.
 */
import type { Duplex } from "node:stream";

export interface LinkOptions {
  /** Bytes that may wait for the other side. Default 64 MiB. */
  readonly maxBufferedBytes?: number;
  /** Bytes of one message. Default 32 MiB: twice the largest publication, whose quotes JSON escapes. */
  readonly maxMessageBytes?: number;
}

export interface LinkEvents<In> {
  message(message: In): void;
  /** Called once, whoever closed it; with the reason when something went wrong. */
  closed(problem?: Error): void;
}

/** The other side read too slowly, or sent a message beyond the limit. */
export class LinkOverflow extends Error {
  override readonly name = "LinkOverflow";
  readonly code = "ERR_LINK_OVERFLOW";
}

/** The link's file descriptor in the worker, after stdio and the IPC channel. */
export const LINK_FD = 4;

const MIB = 1024 * 1024;
const NEWLINE = 0x0a;

export class Link<Out, In> {
  readonly #stream: Duplex;
  readonly #events: LinkEvents<In>;
  readonly #maxBufferedBytes: number;
  readonly #maxMessageBytes: number;
  /** Pieces of a message whose end has not come yet. */
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #state: "open" | "closed" = "open";

  constructor(stream: Duplex, events: LinkEvents<In>, options: LinkOptions = {}) {
    this.#stream = stream;
    this.#events = events;
    this.#maxBufferedBytes = options.maxBufferedBytes ?? 64 * MIB;
    this.#maxMessageBytes = options.maxMessageBytes ?? 32 * MIB;
    stream.on("data", (chunk: Buffer) => this.#read(chunk));
    stream.on("error", (error: Error) => this.close(error));
    stream.on("close", () => this.close());
  }

  /** Sends one message. On a closed link it does nothing. */
  send(message: Out): void {
    if (this.#state === "closed") return;
    this.#stream.write(`${JSON.stringify(message)}\n`);
    if (this.#stream.writableLength > this.#maxBufferedBytes) {
      this.close(new LinkOverflow(`${this.#stream.writableLength} bytes wait for the other process`));
    }
  }

  /** Idempotent. */
  close(problem?: Error): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#pieces = [];
    this.#stream.destroy();
    this.#events.closed(problem);
  }

  #read(chunk: Buffer): void {
    let start = 0;
    for (;;) {
      const newline = chunk.indexOf(NEWLINE, start);
      if (newline === -1) break;
      const piece = chunk.subarray(start, newline);
      start = newline + 1;
      const line = this.#pieces.length === 0 ? piece : Buffer.concat([...this.#pieces, piece]);
      this.#pieces = [];
      this.#pieceBytes = 0;
      const message = parse(line.toString());
      if (message instanceof SyntaxError) return this.close(message);
      this.#events.message(message as In);
      if (this.#state === "closed") return;
    }
    if (start === chunk.length) return;
    const rest = chunk.subarray(start);
    this.#pieces.push(rest);
    this.#pieceBytes += rest.length;
    if (this.#pieceBytes > this.#maxMessageBytes) {
      this.close(new LinkOverflow(`a message of more than ${this.#maxMessageBytes} bytes`));
    }
  }
}

/** A line that is not JSON means that the two sides are out of step. */
function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (problem) {
    return problem;
  }
}
