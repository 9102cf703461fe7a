/**
 * Messages between a controller and a host: one JSON object a line, on a socket that is encrypted already.
 *
 * | limit | value | what happens there |
 * |---|---|---|
 * | bytes of a message | 1 MiB | the channel ends |
 * | bytes that wait to be sent | 4 MiB | the channel ends: the other side does not read |
 * | silence | 15 s | the channel ends: the other side is gone |
 *
 * Invariant: `ended` is told once, with a reason, and nothing after it.
 */
import type { Duplex } from "node:stream";

export const MAX_MESSAGE_BYTES = 2 ** 20;
export const MAX_QUEUED_BYTES = 4 * 2 ** 20;
export const SILENCE_MS = 15_000;
const CHECK_MS = 1_000;
const NEWLINE = 0x0a;
/** What a channel may keep between two messages, bytes. */
const KEPT_BYTES = 65_536;
const EMPTY = Buffer.alloc(0);

export interface ChannelEvents {
  /** An object, not yet checked any further. */
  message(message: Readonly<Record<string, unknown>>): void;
  ended(why: string): void;
}

export class LineChannel {
  readonly #socket: Duplex;
  readonly #events: ChannelEvents;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;
  /** The beginning of a message, in its first `#bytes` bytes. */
  #begun: Buffer = EMPTY;
  #bytes = 0;
  #heardMs: number;
  #ended = false;

  /** `now`: monotonic ms. */
  constructor(socket: Duplex, events: ChannelEvents, now: () => number = () => performance.now()) {
    this.#socket = socket;
    this.#events = events;
    this.#now = now;
    this.#heardMs = now();
    this.#timer = setInterval(() => this.check(), CHECK_MS);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", (error: NodeJS.ErrnoException) => this.end(error.code ?? error.message));
    socket.once("end", () => this.end("closed by the other side"));
    socket.once("close", () => this.end("closed"));
  }

  send(message: object): void {
    if (this.#ended) return;
    const line = `${JSON.stringify(message)}\n`;
    if (line.length > MAX_MESSAGE_BYTES) return this.end(`a message of ${line.length} bytes`);
    this.#socket.write(line);
    if (this.#socket.writableLength > MAX_QUEUED_BYTES) {
      this.end(`the other side does not read: more than ${MAX_QUEUED_BYTES} bytes wait`);
    }
  }

  /** Ends the channel where nothing came for too long. */
  check(): void {
    if (this.#now() - this.#heardMs > SILENCE_MS) this.end(`nothing came for ${SILENCE_MS / 1000} s`);
  }

  /** What was sent before goes out first. */
  end(why: string): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#timer);
    this.#begun = EMPTY;
    this.#socket.end();
    // A peer that does not close in time is not waited for.
    setTimeout(() => this.#socket.destroy(), CHECK_MS).unref();
    this.#events.ended(why);
  }

  #read(chunk: Buffer): void {
    this.#heardMs = this.#now();
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0 && !this.#ended; at = chunk.indexOf(NEWLINE, from)) {
      this.#keep(chunk, from, at);
      from = at + 1;
      this.#takeLine();
    }
    if (!this.#ended) this.#keep(chunk, from, chunk.length);
  }

  /** Copies, so that many small pieces cost no more than their bytes. */
  #keep(chunk: Buffer, from: number, to: number): void {
    const bytes = this.#bytes + to - from;
    if (bytes > MAX_MESSAGE_BYTES) return this.end(`a message of more than ${MAX_MESSAGE_BYTES} bytes`);
    if (bytes > this.#begun.length) {
      const grown = Buffer.allocUnsafe(Math.max(bytes, 2 * this.#begun.length));
      this.#begun.copy(grown, 0, 0, this.#bytes);
      this.#begun = grown;
    }
    chunk.copy(this.#begun, this.#bytes, from, to);
    this.#bytes = bytes;
  }

  #takeLine(): void {
    if (this.#ended) return;
    const line = this.#begun.toString("utf8", 0, this.#bytes);
    if (this.#begun.length > KEPT_BYTES) this.#begun = EMPTY;
    this.#bytes = 0;
    const message = parseObject(line);
    if (message === undefined) return this.end("what came is no message");
    this.#events.message(message);
  }
}

function parseObject(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}
