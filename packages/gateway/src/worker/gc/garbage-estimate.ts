/**
 * The garbage estimate: whether a full collection would find enough to be worth its pause.
 *
 * V8 counts what is allocated, and not what of it is still needed. What the heap has grown by since the last
 * collection is an upper bound of the garbage that has come since; what V8 has taken of the machine since,
 * its room for young objects included, is one of what it can give back; and connections that have gone since
 * left theirs. All that a worker has before its first collection is taken for garbage: half of it is what the
 * start left (ADR 0067). Invariant: a heap that neither grows nor loses connections is collected once.
 */

/** What a worker knows without collecting. */
export interface HeapReading {
  /** Bytes of V8's heap and of the buffers that it holds. */
  readonly bytes: number;
  /** Bytes that V8 has of the machine's memory for them, those that nothing lies in included. */
  readonly takenBytes: number;
  readonly connections: number;
}

/** Less than this is not worth a pause, bytes: what 4,000 connections leave, or a start. */
const MIN_GARBAGE_BYTES = 4 * 1024 * 1024;
/** Nor is a smaller share of a large heap: its pause is longer. */
const MIN_GARBAGE_SHARE = 0.1;
/** What a connection leaves behind, bytes: docs/performance.md, "Idle connections". */
const BYTES_PER_CONNECTION = 1_100;

const NOTHING: HeapReading = Object.freeze({ bytes: 0, takenBytes: 0, connections: 0 });

export class GarbageEstimate {
  readonly #read: () => HeapReading;
  /** Right after the last collection. */
  #last: HeapReading = NOTHING;

  constructor(read: () => HeapReading) {
    this.#read = read;
  }

  /** Whether enough may have gathered since the last collection. */
  get isWorthIt(): boolean {
    const now = this.#read();
    const gone = Math.max(0, this.#last.connections - now.connections);
    const grown = Math.max(0, now.bytes - this.#last.bytes, now.takenBytes - this.#last.takenBytes);
    const garbage = grown + gone * BYTES_PER_CONNECTION;
    return garbage >= Math.max(MIN_GARBAGE_BYTES, MIN_GARBAGE_SHARE * this.#last.bytes);
  }

  /** A collection has just ended. */
  collected(): void {
    this.#last = this.#read();
  }
}
