/**
 * The body of an answer to a poll, in its parts: what is the session's own, and elements of `frames` that
 * other sessions may share.
 *
 * Kept in parts until it is acknowledged, so that shared bytes are kept once. Invariant: each element list
 * begins with the comma that stands before it in a list; the first one's is left out.
 */
export class PartedBody {
  /** Everything before the elements, and everything behind them. */
  readonly head: string;
  readonly elements: readonly Uint8Array[];
  readonly tail: string;

  constructor(head: string, elements: readonly Uint8Array[], tail: string) {
    this.head = head;
    this.elements = elements;
    this.tail = tail;
  }

  /** Bytes of the whole body. */
  get length(): number {
    // Without the first comma.
    let length = this.elements.length === 0 ? 0 : -1;
    for (const each of this.elements) length += each.length;
    return Buffer.byteLength(this.head) + length + Buffer.byteLength(this.tail);
  }

  /** The whole body behind a head of HTTP, which is latin1. */
  behind(head: string): Buffer {
    const bytes = Buffer.allocUnsafe(head.length + this.length);
    let at = bytes.write(head, "latin1");
    at += bytes.write(this.head, at);
    let skipped = 1;
    for (const each of this.elements) {
      bytes.set(skipped === 0 ? each : each.subarray(skipped), at);
      at += each.length - skipped;
      skipped = 0;
    }
    bytes.write(this.tail, at);
    return bytes;
  }

  /** The whole body. */
  get bytes(): Buffer {
    const [first, ...others] = this.elements;
    const own = first === undefined ? [] : [first.subarray(1), ...others];
    return Buffer.concat([Buffer.from(this.head), ...own, Buffer.from(this.tail)]);
  }
}
