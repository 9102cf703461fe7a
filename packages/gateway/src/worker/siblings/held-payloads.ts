/**
 * The payloads that a topic holds while it moves from one home to the next. Invariants: bounded in bytes, and
 * in number by what each is counted for; they are copies, as a payload keeps all that was read with it.
 */

/** What a payload takes beside its bytes, about. */
export const PAYLOAD_OVERHEAD_BYTES = 128;
/** Bytes of payloads that one topic may hold; beyond, its move ends at once, in doubt. */
export const MAX_HELD_BYTES = 4 * 1024 * 1024;

export class HeldPayloads {
  #payloads: Buffer[] = [];
  #bytes = 0;
  /** Whether some may be missing among them. */
  isDoubted = false;

  /** False: these are too many. */
  add(payload: Buffer): boolean {
    this.#payloads.push(Buffer.from(payload));
    this.#bytes += payload.length + PAYLOAD_OVERHEAD_BYTES;
    return this.#bytes <= MAX_HELD_BYTES;
  }

  /** Gives them back, in order, and is empty then. */
  release(): readonly Buffer[] {
    const payloads = this.#payloads;
    this.#payloads = [];
    this.#bytes = 0;
    this.isDoubted = false;
    return payloads;
  }
}
