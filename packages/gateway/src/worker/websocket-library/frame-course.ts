/**
 * The course of a client's frames: by their heads alone, how much of a message has come whose rest has not.
 *
 * The library says when a message is complete, and not what it holds of others: the budget of unfinished
 * messages needs that. It says which messages were compressed, too: the library does not. Judges nothing:
 * what breaks RFC 6455 is the library's to find. Invariant: `heldBytes` is 0 between two messages, in any
 * segmentation.
 */
import { COMPRESSED, OPCODES } from "../websocket/framing.js";

const FINAL = 0x80;
const OPCODE = 0x0f;
const MASKED = 0x80;
const LENGTH = 0x7f;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const MASK_BYTES = 4;

/** Bytes of memory of a segment that waits in the library, beside its content, about. */
const SEGMENT_BYTES = 256;
/** The most that DEFLATE makes shorter: 258 bytes in two bits. Each fragment is inflated as it ends. */
const MAX_RATIO = 1_032;

export class FrameCourse {
  /** What has come of a head. */
  readonly #head: number[] = [];
  /** Payload of the frame that is still to come. */
  #left = 0;
  /** Whether the frame is of a message, and its last one. */
  #isControl = false;
  #isFinal = false;
  /** Whether a message has begun whose last frame has not ended. */
  #inMessage = false;
  #isCompressed = false;
  /** Payload of its compressed fragments that have ended. */
  #inflated = 0;
  #length = 0;
  #kinds: boolean[] | undefined = undefined;
  #heldBytes = 0;
  #isNew = false;
  #fragments = 0;
  #ended = 0;

  /** Memory that the unfinished message takes as it came, about; 0 when there is none. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Bytes that its fragments may have become, at most. */
  get inflatedBytes(): number {
    return this.#inflated * MAX_RATIO;
  }

  /** Whether each message that ended in the last segment was compressed, from the first on that was. */
  get kinds(): readonly boolean[] | undefined {
    return this.#kinds;
  }

  /** Whether the unfinished message has begun in the last segment. */
  get isNew(): boolean {
    return this.#isNew;
  }

  /** Frames in the last segment that began a message of several frames, or went on with one. */
  get fragments(): number {
    return this.#fragments;
  }

  /** Frames that ended in the last segment. */
  get ended(): number {
    return this.#ended;
  }

  /** The next bytes of the client, in order. `areAllTold`: `kinds` begins with the first message. */
  follow(bytes: Uint8Array, areAllTold = false): void {
    const before = this.#heldBytes;
    this.#kinds = areAllTold ? [] : undefined;
    let start = before === 0 ? 0 : -1;
    this.#fragments = 0;
    this.#ended = 0;
    for (let at = 0; at < bytes.length; ) {
      if (this.#left === 0 && this.#head.length === 0 && !this.#inMessage) start = at;
      if (this.#left > 0) {
        const taken = Math.min(this.#left, bytes.length - at);
        this.#left -= taken;
        at += taken;
        if (this.#left === 0) this.#frameEnds();
      } else this.#takeHead(bytes[at++] as number);
    }
    const isOpen = this.#left > 0 || this.#head.length > 0 || this.#inMessage;
    this.#isNew = isOpen && start >= 0;
    if (!isOpen) this.#heldBytes = 0;
    else this.#heldBytes = (start < 0 ? before + bytes.length : bytes.length - start) + SEGMENT_BYTES;
  }

  #takeHead(byte: number): void {
    const head = this.#head;
    head.push(byte);
    const [first = 0, second] = head;
    if (second === undefined) return;
    const short = second & LENGTH;
    const lengthBytes = short === LENGTH_64 ? 8 : short === LENGTH_16 ? 2 : 0;
    if (head.length < 2 + lengthBytes + ((second & MASKED) === 0 ? 0 : MASK_BYTES)) return;
    let length = lengthBytes === 0 ? short : 0;
    for (const each of head.slice(2, 2 + lengthBytes)) length = length * 256 + each;
    head.length = 0;
    const opcode = first & OPCODE;
    this.#isControl = opcode >= OPCODES.close;
    this.#isFinal = (first & FINAL) !== 0;
    if (!this.#isControl) {
      if (!this.#isFinal || opcode === OPCODES.continuation) this.#fragments++;
      if (opcode !== OPCODES.continuation) this.#isCompressed = (first & COMPRESSED) !== 0;
      this.#inMessage = true;
    }
    this.#left = length;
    this.#length = length;
    if (length === 0) this.#frameEnds();
  }

  #frameEnds(): void {
    this.#ended++;
    if (this.#isControl) return;
    if (!this.#isFinal) {
      if (this.#isCompressed) this.#inflated += this.#length;
      return;
    }
    this.#inMessage = false;
    this.#inflated = 0;
    if (this.#isCompressed) this.#kinds ??= [];
    this.#kinds?.push(this.#isCompressed);
  }
}
