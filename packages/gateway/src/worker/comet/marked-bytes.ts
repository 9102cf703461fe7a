/**
 * Marked bytes: the bytes of a batch, shared by all receivers, with a note of where each message ends and
 * where it takes its reader.
 *
 * Made once for a batch, however many connections it goes to; kept beside the bytes and dropped with them.
 */
import type { Mark, Message } from "@holdfast/core";
import type { WireMessage } from "@holdfast/protocol";

/** The end of one message in the bytes of its batch. */
export interface MessageEnd {
  readonly end: number;
  readonly at: Mark | undefined;
}

export class MarkedBytes {
  readonly #endings = new WeakMap<Uint8Array, readonly MessageEnd[]>();

  /** The messages of a batch, each framed by `frame`, in one piece. */
  make(messages: readonly Message[], frame: (said: WireMessage) => string): Uint8Array {
    let end = 0;
    const endings: MessageEnd[] = [];
    const texts = messages.map(({ said, at }) => {
      const framed = frame(said);
      end += Buffer.byteLength(framed);
      endings.push({ end, at });
      return framed;
    });
    // Not from the shared pool: bytes that wait must not hold their neighbours.
    const bytes = Buffer.allocUnsafeSlow(end);
    bytes.write(texts.join(""));
    if (endings.some(({ at }) => at !== undefined)) this.#endings.set(bytes, endings);
    return bytes;
  }

  /** Undefined where no message moves a position. */
  of(bytes: Uint8Array): readonly MessageEnd[] | undefined {
    return this.#endings.get(bytes);
  }
}
