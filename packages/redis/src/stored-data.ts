/**
 * Data as Redis holds it: in messages of pub/sub, in the entries of logs, in the ingest stream.
 *
 *     <UTF-8>           text
 *     BYTES <bytes>     bytes, whatever they are: what is published through a broker is written so
 *     <anything else>   bytes, as a backend published them by hand
 *
 * The mark is FF 68 66 FF: no text has the byte FF. A backend that publishes bytes which may be good UTF-8
 * writes it in front of them. Gateways that do not know the mark show their clients a JSON string with
 * replaced characters, as they do with all that is not UTF-8. Invariant: what was stored as text comes back
 * as text, and bytes as the same bytes.
 */
import { isUtf8 } from "node:buffer";
import type { Data } from "@holdfast/protocol";

const MARK = Buffer.from([0xff, 0x68, 0x66, 0xff]);
/** What bytes take beside themselves. */
export const MARK_BYTES = MARK.length;

export function storedData(data: Data): string | Buffer {
  return typeof data === "string" ? data : Buffer.concat([MARK, data]);
}

/** Copied: what is kept must not hold what was read with it in memory. */
export function dataOf(stored: Buffer): Data {
  if (isMarked(stored)) return new Uint8Array(stored.subarray(MARK_BYTES));
  return isUtf8(stored) ? stored.toString() : new Uint8Array(stored);
}

/** Bytes of the data. */
export function sizeOf(stored: Buffer): number {
  return isMarked(stored) ? stored.length - MARK_BYTES : stored.length;
}

function isMarked(stored: Buffer): boolean {
  return stored[0] === MARK[0] && stored.subarray(0, MARK_BYTES).equals(MARK);
}
