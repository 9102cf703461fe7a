/**
 * One compressed message of a client → its bytes: RFC 7692 §7.2.2, without context.
 *
 * On demand: what zlib needs is made for the message and freed before the call returns, so that no connection
 * keeps anything. Invariant: no more than `maxPayload` bytes and one chunk are ever made of a message,
 * however short it is; what it costs is its receiver's to charge.
 */
import { constants, inflateRawSync } from "node:zlib";
import { VIOLATIONS, type Violation } from "./violations.js";

/** What a sender takes off the end of each message. */
const TAIL = Buffer.of(0x00, 0x00, 0xff, 0xff);
/** Bytes that zlib makes in one step, at least and at most. */
const MIN_CHUNK = 1_024;
const MAX_CHUNK = 16 * 1_024;
/** Text is rarely compressed more. */
const USUAL_RATIO = 4;

/** The message, or what is wrong with it. `maxPayload`: bytes that it may have. */
export function inflate(payload: Buffer, maxPayload: number): Buffer | Violation {
  const chunkSize = Math.min(MAX_CHUNK, Math.max(MIN_CHUNK, payload.length * USUAL_RATIO));
  try {
    // A block that says it is the last one ends the message: what follows is not looked at.
    return inflateRawSync(Buffer.concat([payload, TAIL]), {
      chunkSize,
      maxOutputLength: maxPayload,
      finishFlush: constants.Z_SYNC_FLUSH,
    });
  } catch (error) {
    return isTooLong(error) ? VIOLATIONS.tooLong : VIOLATIONS.notDeflated;
  }
}

function isTooLong(error: unknown): boolean {
  return (
    typeof error === "object" && error !== null && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE"
  );
}
