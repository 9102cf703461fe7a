/**
 * What the library finds wrong with a client's frames, by the names of `violations.ts`.
 *
 * The library documents a code for each kind of error. Where one code stands for several of our names, the
 * number at the end of its message tells them apart; a message without one gets the widest name. Invariant:
 * an error with a code of the library's receiver has a name here.
 */
import { OPCODES } from "../websocket/framing.js";
import { VIOLATIONS, type Violation } from "../websocket/violations.js";

/** Undefined for errors that are not the client's frames: those of its socket. */
export function violationOf(error: Error): Violation | undefined {
  const { code } = error as NodeJS.ErrnoException;
  switch (code) {
    case "WS_ERR_UNEXPECTED_RSV_1":
    case "WS_ERR_UNEXPECTED_RSV_2_3":
      return VIOLATIONS.reservedBit;
    case "WS_ERR_EXPECTED_MASK":
      return VIOLATIONS.notMasked;
    case "WS_ERR_INVALID_OPCODE":
      return ofOpcode(numberIn(error));
    case "WS_ERR_EXPECTED_FIN":
      return VIOLATIONS.badControl;
    case "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH":
      return numberIn(error) === 1 ? VIOLATIONS.badClose : VIOLATIONS.badControl;
    case "WS_ERR_INVALID_CLOSE_CODE":
      return VIOLATIONS.badClose;
    case "WS_ERR_INVALID_UTF8":
      return VIOLATIONS.notUtf8;
    case "WS_ERR_TOO_MANY_BUFFERED_PARTS":
      return VIOLATIONS.manyFragments;
    case "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH":
    case "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH":
      return VIOLATIONS.tooLong;
    default:
      // Those of zlib, by the names that it documents.
      return code?.startsWith("Z_") === true ? VIOLATIONS.notDeflated : undefined;
  }
}

function ofOpcode(opcode: number | undefined): Violation {
  if (opcode === OPCODES.continuation) return VIOLATIONS.noMessage;
  if (opcode === OPCODES.text || opcode === OPCODES.binary) return VIOLATIONS.messageInMessage;
  return VIOLATIONS.badOpcode;
}

function numberIn({ message }: Error): number | undefined {
  const digits = /(\d+)$/.exec(message)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
