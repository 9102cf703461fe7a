/**
 * Outgoing: the commands of one tick leave in one message.
 *
 * Invariant: order is kept, and no message holds more frames or bytes than the server takes. Bounded by
 * the limit of the commands in flight (pending.ts); a single frame above `maxBytes` is the caller's to refuse
 * (`byteLength`).
 */
import { MAX_COMMANDS_PER_MESSAGE } from "@holdfast/protocol";

export class Outgoing {
  readonly #send: (message: string) => void;
  /** Bytes of one message. */
  readonly #maxBytes: () => number;
  #frames: string[] = [];

  constructor(send: (message: string) => void, maxBytes: () => number) {
    this.#send = send;
    this.#maxBytes = maxBytes;
  }

  /** Sends `frame` at the end of this tick. */
  push(frame: string): void {
    if (this.#frames.push(frame) === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    const frames = this.#frames;
    this.#frames = [];
    let batch: string[] = [];
    let bytes = 0;
    for (const frame of frames) {
      const size = byteLength(frame) + 1;
      if (
        batch.length === MAX_COMMANDS_PER_MESSAGE ||
        (batch.length > 0 && bytes + size > this.#maxBytes())
      ) {
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
