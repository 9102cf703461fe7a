/**
 * The ClientHello: the first message of a TLS handshake, as far as a door has to understand it: where it
 * ends.
 *
 * Pure, on latin1 text: one character is one byte. Records and messages as RFC 8446 §4 and §5.1 say, which
 * TLS 1.2 shares. What the message offers is for the worker, which shakes hands. Invariant: a look costs the
 * same however a client cuts the message into segments: it has at most `MAX_RECORDS`.
 */
import { HANDSHAKE } from "../tls/first-byte.js";

/** Of the message. */
const CLIENT_HELLO = 1;
const RECORD_HEAD_BYTES = 5;
const MESSAGE_HEAD_BYTES = 4;
/** RFC 8446 §5.1: 2^14. */
const MAX_RECORD_BYTES = 16_384;
/** Clients send one; some cut it into a few, to hide the name in it from a filter. */
const MAX_RECORDS = 16;

/**
 * The index after the record in which the ClientHello ends; `incomplete` when more has to come; `none` when
 * it is none.
 */
export function helloEnd(text: string): number | "incomplete" | "none" {
  let at = 0;
  /** Bytes of the message so far, and how many it will have with its head. */
  let held = 0;
  let wanted = Number.POSITIVE_INFINITY;
  let head = "";
  for (let records = 0; records < MAX_RECORDS; records++) {
    const length = recordLength(text, at);
    if (length === undefined) return "none";
    const start = at + RECORD_HEAD_BYTES;
    if (head.length < MESSAGE_HEAD_BYTES)
      head += text.slice(start, Math.min(start + length, start + MESSAGE_HEAD_BYTES - head.length));
    if (head !== "" && head.charCodeAt(0) !== CLIENT_HELLO) return "none";
    if (head.length === MESSAGE_HEAD_BYTES) wanted = MESSAGE_HEAD_BYTES + uint24(head, 1);
    if (text.length < start + length) return "incomplete";
    held += length;
    at = start + length;
    if (held >= wanted) return at;
    if (text.length === at) return "incomplete";
  }
  return "none";
}

/** Of the record at `at`; the largest while its head is not whole; undefined: it is none. */
function recordLength(text: string, at: number): number | undefined {
  const [type, major] = [text.charCodeAt(at), text.charCodeAt(at + 1)];
  if (type !== HANDSHAKE || (text.length > at + 1 && major !== 3)) return undefined;
  if (text.length < at + RECORD_HEAD_BYTES) return MAX_RECORD_BYTES;
  const length = text.charCodeAt(at + 3) * 256 + text.charCodeAt(at + 4);
  return length === 0 || length > MAX_RECORD_BYTES ? undefined : length;
}

function uint24(text: string, at: number): number {
  return (text.charCodeAt(at) * 256 + text.charCodeAt(at + 1)) * 256 + text.charCodeAt(at + 2);
}
