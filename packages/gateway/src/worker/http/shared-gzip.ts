/**
 * Answers to polls → gzip (RFC 1952), where their clients accept it. A batch is compressed once for all
 * sessions that are given it.
 *
 * An answer is one gzip member. A batch becomes blocks of DEFLATE that refer to nothing outside of it and end
 * at a byte, so they stand in any member; what is the session's own lies between them in stored blocks,
 * uncompressed. So secrets of a cursor are never compressed beside what others wrote (CRIME, BREACH).
 * Invariants: a batch is compressed at most once while its bytes live; in a turn of the event loop no more
 * than `MAX_TURN_BYTES` are compressed, and what comes then leaves plain.
 */
import { constants, crc32, deflateRawSync } from "node:zlib";
import type { Clock, Metrics } from "@holdfast/core";
import type { PartedBody } from "./parted-body.js";

/** As for WebSockets (ADR 44). */
const LEVEL = 3;
/** About 4 ms of DEFLATE. */
const MAX_TURN_BYTES = 256 * 1024;
/** Deflate, no flags, no time, system unknown: RFC 1952 §2.3. */
const HEADER = Buffer.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff);
/** What a stored block may have: RFC 1951 §3.2.4. */
const MAX_STORED = 0xffff;
const COMMA = Buffer.from(",");

export class SharedGzip {
  readonly #clock: Pick<Clock, "defer">;
  readonly #metrics: Pick<Metrics, "add">;
  /** By the memory of a batch and the bounds in it; undefined where it does not shrink. */
  readonly #deflated = new WeakMap<ArrayBufferLike, Map<string, Buffer | undefined>>();
  #turnBytes = 0;

  constructor(clock: Pick<Clock, "defer">, metrics: Pick<Metrics, "add">) {
    this.#clock = clock;
    this.#metrics = metrics;
  }

  /**
   * The body as gzip; undefined where it is no shorter. `compressFrom`: bytes from which elements may be
   * compressed; undefined for those of one session alone.
   */
  compress(
    { head, elements, tail }: PartedBody,
    compressFrom: (elements: Uint8Array) => number | undefined,
  ): Buffer | undefined {
    const pieces = elements.map((each) => {
      // The comma before them is the session's own: the first of an answer have none.
      const bytes = each.subarray(1);
      return { bytes, deflated: this.#deflatedOf(bytes, compressFrom(each)) };
    });
    if (pieces.every(({ deflated }) => deflated === undefined)) return undefined;
    const member = new Member();
    member.store(Buffer.from(head));
    for (const [i, { bytes, deflated }] of pieces.entries()) {
      if (i > 0) member.store(COMMA);
      if (deflated === undefined) member.store(bytes);
      else member.add(bytes, deflated);
    }
    member.store(Buffer.from(tail));
    const { bytes, length } = member.end();
    return bytes.length < length ? bytes : undefined;
  }

  #deflatedOf(bytes: Uint8Array, from: number | undefined): Buffer | undefined {
    if (from === undefined || bytes.length < from) return undefined;
    let known = this.#deflated.get(bytes.buffer);
    if (known === undefined) {
      known = new Map();
      this.#deflated.set(bytes.buffer, known);
    }
    const bounds = `${bytes.byteOffset}+${bytes.length}`;
    if (known.has(bounds)) return known.get(bounds);
    if (this.#turnBytes === 0) this.#clock.defer(() => (this.#turnBytes = 0));
    this.#turnBytes += bytes.length;
    if (this.#turnBytes > MAX_TURN_BYTES) return undefined;
    const deflated = this.#deflate(bytes);
    known.set(bounds, deflated);
    return deflated;
  }

  #deflate(bytes: Uint8Array): Buffer | undefined {
    const made = deflateRawSync(bytes, { level: LEVEL, finishFlush: constants.Z_SYNC_FLUSH });
    const shrinks = made.length < bytes.length;
    this.#metrics.add("deflate_input_bytes", bytes.length);
    this.#metrics.add("deflate_output_bytes", shrinks ? made.length : bytes.length);
    if (!shrinks) return undefined;
    this.#metrics.add("deflated", 1);
    // Copied: zlib's piece of memory is larger than what is in it.
    return Buffer.from(made);
  }
}

/** One member, while it is put together. */
class Member {
  readonly #parts: Uint8Array[] = [HEADER];
  #crc = 0;
  #length = 0;

  /** Content as it is. */
  store(content: Uint8Array): void {
    for (let at = 0; at < content.length; at += MAX_STORED)
      this.#parts.push(...storedBlock(content.subarray(at, at + MAX_STORED), false));
    this.#count(content);
  }

  /** Content, and the blocks that it became. */
  add(content: Uint8Array, deflated: Uint8Array): void {
    this.#parts.push(deflated);
    this.#count(content);
  }

  /** The member, and the bytes of its content. */
  end(): { readonly bytes: Buffer; readonly length: number } {
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(this.#crc);
    trailer.writeUInt32LE(this.#length % 2 ** 32, 4);
    const last = storedBlock(new Uint8Array(), true);
    return { bytes: Buffer.concat([...this.#parts, ...last, trailer]), length: this.#length };
  }

  #count(content: Uint8Array): void {
    this.#crc = crc32(content, this.#crc);
    this.#length += content.length;
  }
}

/** Begins and ends at a byte. */
function storedBlock(content: Uint8Array, isLast: boolean): readonly Uint8Array[] {
  const head = Buffer.alloc(5);
  head.writeUInt8(isLast ? 1 : 0);
  head.writeUInt16LE(content.length, 1);
  head.writeUInt16LE(content.length ^ 0xffff, 3);
  return [head, content];
}
