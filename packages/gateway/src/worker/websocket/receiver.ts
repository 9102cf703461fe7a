/**
 * A client's bytes → what they say: RFC 6455 §5 for a server without extensions.
 *
 * A function, not an object: a connection between two messages keeps nothing. The common frame, a whole
 * masked text, is read where it lies; whatever is cut into segments or fragments goes through an `Assembly`.
 * Invariant: the same bytes give the same events and verdicts in any segmentation, and those that ws gives
 * (receiver.fuzz.test.ts compares them).
 */
import { isUtf8 } from "node:buffer";
import { Assembly } from "./assembly.js";
import { OPCODES } from "./framing.js";

/** Close codes of RFC 6455 §7.4.1 for what a client does wrong. */
export type Violation =
  /** Against the framing. */
  | 1002
  /** Text that is not UTF-8. */
  | 1007
  /** More fragments than allowed. */
  | 1008
  /** A message beyond the limit. */
  | 1009;

/**
 * The owner that hears the frames. Each method says whether to go on; `payload` is valid during the call
 * only.
 */
export interface FrameEvents {
  textCame(text: string): boolean;
  binaryCame(): boolean;
  pinged(payload: Uint8Array): boolean;
  ponged(): boolean;
  /** A frame of a message that has several, with so many bytes. */
  fragmentCame(bytes: number): boolean;
  /** The client's close frame; nothing is read after it. Empty, or a valid code with a reason. */
  closeCame(payload: Uint8Array): void;
  /** Nothing is read after it. */
  violated(code: Violation): void;
}

const FINAL = 0x80;
const RESERVED = 0x70;
const OPCODE = 0x0f;
const MASKED = 0x80;
const LENGTH = 0x7f;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const MAX_CONTROL = 125;
const MASK_BYTES = 4;
/** The upper half of a 64-bit length that still is a safe integer. */
const MAX_UPPER = 0x1fffff;

/**
 * Reads `bytes`, which it changes, and what was kept before; returns what is to be kept until more come.
 * `maxPayload`: bytes of one message.
 */
export function receive(
  bytes: Buffer,
  kept: Assembly | undefined,
  maxPayload: number,
  events: FrameEvents,
): Assembly | undefined {
  const input = kept === undefined ? bytes : kept.join(bytes);
  if (input === undefined) return kept;
  let assembly = kept;
  let at = 0;
  let needed = 0;
  while (at < input.length) {
    const left = input.length - at;
    needed = 2;
    if (left < needed) break;
    const first = input[at] as number;
    const second = input[at + 1] as number;
    const opcode = first & OPCODE;
    if (!isAllowed(first, second, assembly?.opcode ?? 0)) return violates(events, 1002);
    let length = second & LENGTH;
    let start = at + 2;
    if (length === LENGTH_16) {
      needed = 4;
      if (left < needed) break;
      length = input.readUInt16BE(start);
      start += 2;
    } else if (length === LENGTH_64) {
      needed = 10;
      if (left < needed) break;
      const upper = input.readUInt32BE(start);
      if (upper > MAX_UPPER) return violates(events, 1009);
      length = upper * 2 ** 32 + input.readUInt32BE(start + 4);
      start += 8;
    }
    const isControl = opcode >= OPCODES.close;
    if (!isControl && length > 0 && (assembly?.messageBytes ?? 0) + length > maxPayload) {
      return violates(events, 1009);
    }
    const payload = start + MASK_BYTES;
    const end = payload + length;
    needed = end - at;
    if (left < needed) break;
    const isAscii = unmask(input, start, end);
    at = end;

    if (opcode === OPCODES.close) {
      const verdict = judgeClose(input.subarray(payload, end));
      if (verdict !== undefined) return violates(events, verdict);
      events.closeCame(input.subarray(payload, end));
      return undefined;
    }
    let goOn: boolean;
    if (isControl) {
      goOn = opcode === OPCODES.ping ? events.pinged(input.subarray(payload, end)) : events.ponged();
    } else if (opcode === OPCODES.text && (first & FINAL) !== 0) {
      if (isAscii) goOn = events.textCame(input.toString("latin1", payload, end));
      else if (isUtf8(input.subarray(payload, end)))
        goOn = events.textCame(input.toString("utf8", payload, end));
      else return violates(events, 1007);
    } else {
      assembly ??= new Assembly();
      if (!assembly.add(opcode, input.subarray(payload, end))) return violates(events, 1008);
      if (((first & FINAL) === 0 || opcode === OPCODES.continuation) && !events.fragmentCame(length))
        return undefined;
      if ((first & FINAL) === 0) continue;
      const isText = assembly.opcode === OPCODES.text;
      const message = assembly.takeMessage();
      if (!isText) goOn = events.binaryCame();
      else if (isUtf8(message)) goOn = events.textCame(message.toString());
      else return violates(events, 1007);
    }
    if (!goOn) return undefined;
  }
  if (at < input.length) {
    // One for each message, so that its age tells how long this one takes.
    if (assembly === undefined || (at > 0 && assembly.opcode === 0)) assembly = new Assembly();
    assembly.keep(input.subarray(at), needed);
  }
  return assembly?.isEmpty ? undefined : assembly;
}

/**
 * Whether a frame may begin with these two bytes; `fragmented`: the opcode of the message that is not
 * complete.
 */
function isAllowed(first: number, second: number, fragmented: number): boolean {
  if ((first & RESERVED) !== 0 || (second & MASKED) === 0) return false;
  const opcode = first & OPCODE;
  const length = second & LENGTH;
  switch (opcode) {
    case OPCODES.continuation:
      return fragmented !== 0;
    case OPCODES.text:
    case OPCODES.binary:
      return fragmented === 0;
    case OPCODES.close:
    case OPCODES.ping:
    case OPCODES.pong:
      return (first & FINAL) !== 0 && length <= MAX_CONTROL && !(opcode === OPCODES.close && length === 1);
    default:
      return false;
  }
}

/** Takes the mask at `start` off the bytes behind it. True when all of them are ASCII. */
function unmask(input: Buffer, start: number, end: number): boolean {
  const payload = start + MASK_BYTES;
  let bits = 0;
  for (let i = payload; i < end; i++) {
    const byte = (input[i] as number) ^ (input[start + ((i - payload) & 3)] as number);
    input[i] = byte;
    bits |= byte;
  }
  return bits < 0x80;
}

function judgeClose(payload: Buffer): Violation | undefined {
  if (payload.length === 0) return undefined;
  const code = payload.readUInt16BE();
  // §7.4: what may stand in a frame.
  const isValid =
    (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) ||
    (code >= 3000 && code <= 4999);
  if (!isValid) return 1002;
  return isUtf8(payload.subarray(2)) ? undefined : 1007;
}

function violates(events: FrameEvents, code: Violation): undefined {
  events.violated(code);
  return undefined;
}
