/**
 * What a client has sent of a message that is not complete: the bytes of an unfinished frame, and the payload
 * of the fragments before it. Made when it is needed and dropped with the end of the message.
 *
 * Invariant: it holds at most twice the bytes that have arrived, whatever a header announces and however
 * small the segments are; the receiver lets no more arrive than one message may have.
 */

/** Frames with payload of one fragmented message. */
export const MAX_FRAGMENTS = 1_024;

/** Bytes of the objects themselves, about. */
const OWN_BYTES = 512;

/** Bytes that grow; appending costs no more than the bytes themselves, however many times it is done. */
class GrowingBytes {
  #bytes = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Bytes that they take, with room to grow. */
  get capacity(): number {
    return this.#bytes.length;
  }

  append(more: Uint8Array): void {
    const length = this.#length + more.length;
    if (length > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(more, this.#length);
    this.#length = length;
  }

  /** All of them; they begin anew. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#bytes = Buffer.alloc(0);
    this.#length = 0;
    return taken;
  }
}

export class Assembly {
  readonly #frame = new GrowingBytes();
  /** Bytes that the unfinished frame has at least. */
  #needed = 0;
  readonly #message = new GrowingBytes();
  #opcode = 0;
  #isCompressed = false;
  #fragments = 0;

  /** The opcode of the message whose fragments are being collected, 0 while there is none. */
  get opcode(): number {
    return this.#opcode;
  }

  /** Whether that message is compressed. */
  get isCompressed(): boolean {
    return this.#isCompressed;
  }

  /** Payload of the fragments so far. */
  get messageBytes(): number {
    return this.#message.length;
  }

  /** Bytes of memory that it takes, itself included. */
  get heldBytes(): number {
    return OWN_BYTES + this.#frame.capacity + this.#message.capacity;
  }

  get isEmpty(): boolean {
    return this.#opcode === 0 && this.#frame.length === 0;
  }

  /** Keeps the beginning of a frame, until `needed` bytes of it are there. */
  keep(bytes: Uint8Array, needed: number): void {
    this.#frame.append(bytes);
    this.#needed = needed;
  }

  /** Adds what came next. Returns all of it when it is worth another look. */
  join(bytes: Buffer): Buffer | undefined {
    if (this.#frame.length === 0) return bytes;
    this.#frame.append(bytes);
    return this.#frame.length < this.#needed ? undefined : this.#frame.take();
  }

  /** Adds a fragment; the first one says whether the message is compressed. False when there are too many. */
  add(opcode: number, payload: Uint8Array, isCompressed: boolean): boolean {
    if (this.#opcode === 0) {
      this.#opcode = opcode;
      this.#isCompressed = isCompressed;
    }
    if (payload.length === 0) return true;
    this.#message.append(payload);
    return ++this.#fragments <= MAX_FRAGMENTS;
  }

  /** The whole payload; the next message begins. */
  takeMessage(): Buffer {
    this.#opcode = 0;
    this.#fragments = 0;
    return this.#message.take();
  }
}
