/**
 * What a client can do wrong with WebSocket frames, by name: RFC 6455's close code and a sentence for it.
 *
 * The sentence is the reason of the disconnect and of the close frame, and stands in the log. Invariant: a
 * sentence says what the client sent and fits into a close frame (123 bytes).
 */
import { type DisconnectCode, disconnects } from "@holdfast/protocol";

export interface Violation {
  readonly name: string;
  /** RFC 6455 §7.4.1: against the framing, not UTF-8, too many fragments, too long. */
  readonly code: 1002 | 1007 | 1008 | 1009;
  readonly sentence: string;
}

export const VIOLATIONS = Object.freeze({
  reservedBit: wrong(
    "reserved_bit",
    1002,
    "A frame has a reserved bit set to which no agreed extension gives a meaning there.",
  ),
  notMasked: wrong("not_masked", 1002, "A frame is not masked: clients mask all frames (RFC 6455 §5.3)."),
  badOpcode: wrong("bad_opcode", 1002, "A frame has an opcode that RFC 6455 does not know."),
  noMessage: wrong("no_message", 1002, "A continuation frame came where no message has begun."),
  messageInMessage: wrong("message_in_message", 1002, "A message began inside another one."),
  badControl: wrong("bad_control", 1002, "A control frame is fragmented or has more than 125 bytes."),
  badClose: wrong("bad_close", 1002, "A close frame has a code that must not be sent."),
  notUtf8: wrong("not_utf8", 1007, "A text is not UTF-8."),
  notDeflated: wrong("not_deflated", 1007, "A compressed message is not what DEFLATE makes (RFC 1951)."),
  manyFragments: wrong("many_fragments", 1008, "A message has more fragments than are taken."),
  tooLong: wrong("too_long", 1009, "A message is longer than is taken (`maxPayload`)."),
});

function wrong(name: string, code: Violation["code"], sentence: string): Violation {
  return Object.freeze({ name, code, sentence });
}

/** The row of the protocol for what RFC 6455 calls a violation. */
export function rowOf(code: Violation["code"]): DisconnectCode {
  switch (code) {
    case 1002:
    case 1007:
      return disconnects.badFrame;
    case 1008:
    case 1009:
      return disconnects.tooBig;
  }
}
