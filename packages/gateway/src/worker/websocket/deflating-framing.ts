/**
 * Messages → frames for clients with permessage-deflate: RFC 7692 §7.2.1, without context, so that a message
 * is compressed once for all that agreed on the same window (ADR 44).
 *
 * What is for one connection alone stays plain, and so does what is short or does not shrink. Invariant: a
 * frame is complete by itself; nothing is kept between two calls.
 */

import { constants, deflateRawSync } from "node:zlib";
import type { Framing, Metrics } from "@holdfast/core";
import { COMPRESSED, frameOf, OPCODES, WebSocketFraming } from "./framing.js";

/** 4 % longer than with zlib's default of 6, for half of its time at 64 KiB (ADR 44). */
const LEVEL = 3;
/** Z_SYNC_FLUSH ends with 00 00 ff ff, which the other side adds again. */
const TAIL_BYTES = 4;

const PLAIN = new WebSocketFraming();

export class DeflatingFraming implements Framing {
  readonly #windowBits: number;
  readonly #metrics: Pick<Metrics, "add">;

  /** `windowBits`: 9 to 15, the base-2 logarithm of the bytes that a client can look back. */
  constructor(windowBits: number, metrics: Pick<Metrics, "add">) {
    this.#windowBits = windowBits;
    this.#metrics = metrics;
  }

  frame(text: string, compressFrom?: number): Buffer {
    const frame =
      compressFrom === undefined
        ? undefined
        : this.#compressed(OPCODES.text, Buffer.from(text), compressFrom);
    return frame ?? PLAIN.frame(text);
  }

  frameBytes(bytes: Uint8Array, compressFrom?: number): Buffer {
    const frame =
      compressFrom === undefined ? undefined : this.#compressed(OPCODES.binary, bytes, compressFrom);
    return frame ?? PLAIN.frameBytes(bytes);
  }

  /** Undefined where the plain frame is the better one. */
  #compressed(opcode: number, bytes: Uint8Array, compressFrom: number): Buffer | undefined {
    if (bytes.length < compressFrom) return undefined;
    const deflated = deflateRawSync(bytes, {
      level: LEVEL,
      windowBits: this.#windowBits,
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    const length = deflated.length - TAIL_BYTES;
    const shrinks = length < bytes.length;
    this.#metrics.add("deflate_input_bytes", bytes.length);
    this.#metrics.add("deflate_output_bytes", shrinks ? length : bytes.length);
    if (!shrinks) return undefined;
    this.#metrics.add("deflated", 1);
    const frame = frameOf(opcode | COMPRESSED, length);
    // Copied: zlib's piece of memory is larger than what is in it.
    frame.set(deflated.subarray(0, length), frame.length - length);
    return frame;
  }
}
