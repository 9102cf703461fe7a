/**
 * Outgoing: the commands of one tick leave in one message, once the server has said what it takes.
 *
 * Invariant: commands leave in the order of asking, so that their ids ascend: a server over HTTP takes a
 * lower id for a repetition. No message holds more frames or bytes than the server takes. Bounded by the
 * limit of the commands in flight (pending.ts). A frame that does not fit is the caller's to refuse, or
 * `refuse`'s where it waited.
 */
import { MAX_COMMANDS_PER_MESSAGE } from "@holdfast/protocol";

export class Outgoing {
  readonly #send: (message: string) => void;
  readonly #refuse: (id: number) => void;
  /** Bytes of one message; any number until `open`. */
  #maxBytes = Number.POSITIVE_INFINITY;
  #waiting: (readonly [frame: string, id: number])[] = [];

  /** `refuse` is told the id of a command that has waited and does not fit. */
  constructor(send: (message: string) => void, refuse: (id: number) => void) {
    this.#send = send;
    this.#refuse = refuse;
  }

  /** False for a frame for which the server would close the connection for good. */
  fits(frame: string): boolean {
    return byteLength(frame) <= this.#maxBytes;
  }

  /** Sends `frame`, the command `id`, at the end of this tick, or of that of `open`. */
  push(frame: string, id: number): void {
    if (this.#waiting.push([frame, id]) === 1 && this.#maxBytes < Number.POSITIVE_INFINITY)
      this.open(this.#maxBytes);
  }

  /** The server takes messages of so many bytes: what waits leaves at the end of this tick. */
  open(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    let batch: string[] = [];
    let bytes = 0;
    for (const [frame, id] of waiting) {
      const size = byteLength(frame) + 1;
      if (size > this.#maxBytes + 1) {
        this.#refuse(id);
        continue;
      }
      if (batch.length === MAX_COMMANDS_PER_MESSAGE || (batch.length > 0 && bytes + size > this.#maxBytes)) {
        this.#send(batch.join("\n"));
        batch = [];
        bytes = 0;
      }
      batch.push(frame);
      bytes += size;
    }
    if (batch.length > 0) this.#send(batch.join("\n"));
  }
}

/** Bytes of `text` in UTF-8. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
