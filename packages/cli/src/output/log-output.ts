/**
 * Where log lines go: a descriptor that is written without ever waiting for it.
 *
 * A reader that stands still, a full disk or a broken device cost lines, which are counted, and nothing else.
 * Lines are written together, up to what a pipe takes as a whole, so that those of other processes do not end
 * up in the middle. Invariants: no write blocks, throws or keeps the process alive; what waits is at most
 * `MAX_WAITING_BYTES`; the end takes at most `LAST_WRITES_MS`, whatever the reader does.
 */
import { constants, fstatSync, openSync, writeSync } from "node:fs";
import { isatty } from "node:tty";

/** Bytes of lines that may wait for the reader. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** Linux's PIPE_BUF: so much a pipe takes whole or not at all. */
const WHOLE_BYTES = 4096;
/** How long after a full pipe it is tried again. */
const RETRY_MS = 50;
/** How long the end waits for a reader that is slow, in steps of so much. */
const LAST_WRITES_MS = 300;
const LAST_STEP_MS = 10;

/** Writes some of the bytes and returns how many, or throws the system's error. */
export type WriteBytes = (bytes: Buffer) => number;

export class LogOutput {
  readonly #writeBytes: WriteBytes;
  #lines: Buffer[] = [];
  #waitingBytes = 0;
  /** What is left of a chunk of which a part was written. */
  #rest: Buffer | undefined;
  #restLines = 0;
  /** Whether a write is due: in this turn of the loop, or when the reader may have read. */
  #due = false;
  #lost = 0;

  constructor(writeBytes: WriteBytes) {
    this.#writeBytes = writeBytes;
  }

  /** Standard output of this process, with its last lines written when the process ends. */
  static standard(): LogOutput {
    const fd = openStandard();
    const output = new LogOutput((bytes) => writeSync(fd, bytes));
    process.once("exit", () => output.end());
    return output;
  }

  /** Lines that could not be written. */
  get lost(): number {
    return this.#lost;
  }

  /** One line, with its line feed. */
  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#waitingBytes + bytes.length > MAX_WAITING_BYTES) {
      this.#lost++;
      return;
    }
    this.#lines.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#due) return;
    this.#due = true;
    setImmediate(() => this.#writeDue());
  }

  /** Writes what waits, and waits a little for a reader that is slow. What is left is lost. */
  end(): void {
    const nap = new Int32Array(new SharedArrayBuffer(4));
    for (let waited = 0; !this.#writeAll() && waited < LAST_WRITES_MS; waited += LAST_STEP_MS) {
      Atomics.wait(nap, 0, 0, LAST_STEP_MS);
    }
    this.#lost += this.#lines.length + this.#restLines;
    this.#lines = [];
    this.#rest = undefined;
    this.#restLines = 0;
    this.#waitingBytes = 0;
  }

  #writeDue(): void {
    this.#due = !this.#writeAll();
    if (this.#due) setTimeout(() => this.#writeDue(), RETRY_MS).unref();
  }

  /** False when the reader takes no more for now. */
  #writeAll(): boolean {
    while (this.#rest !== undefined || this.#lines.length > 0) {
      const chunk = this.#rest ?? this.#nextChunk();
      let written = 0;
      try {
        written = this.#writeBytes(chunk);
      } catch (error) {
        if (isTemporary(error)) {
          this.#rest = chunk;
          return false;
        }
        // A full disk has room again some time: the next line is tried.
        this.#lost += this.#restLines;
        written = chunk.length;
      }
      this.#waitingBytes -= written;
      this.#rest = written < chunk.length ? chunk.subarray(written) : undefined;
      if (this.#rest === undefined) this.#restLines = 0;
    }
    return true;
  }

  #nextChunk(): Buffer {
    let count = 0;
    let bytes = 0;
    for (const line of this.#lines) {
      if (count > 0 && bytes + line.length > WHOLE_BYTES) break;
      bytes += line.length;
      count++;
    }
    this.#restLines = count;
    const lines = this.#lines.splice(0, count);
    return lines.length === 1 && lines[0] !== undefined ? lines[0] : Buffer.concat(lines);
  }
}

/** A descriptor of standard output that does not block. */
function openStandard(): number {
  const kind = fstatSync(1);
  // Files never make a writer wait for a reader.
  if (!kind.isFIFO() && !kind.isSocket() && !isatty(1)) return 1;
  try {
    // One of its own: not blocking is a property shared by all processes that share the descriptor.
    return openSync("/proc/self/fd/1", constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    // A socket, another system, or another user's pipe: Node makes it not block when it is asked for its
    // stream.
    process.stdout.on("error", () => {});
    return 1;
  }
}

function isTemporary(error: unknown): boolean {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return code === "EAGAIN" || code === "EWOULDBLOCK" || code === "EINTR";
}
