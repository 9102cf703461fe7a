/**
 * A client's bytes → what they say: RFC 6455 §5, and RFC 7692 where that is agreed on.
 *
 * A function, not an object: a connection between two messages keeps nothing. The common frame, a whole
 * masked text, is read where it lies; whatever is cut into segments or fragments goes through an `Assembly`.
 * Invariant: the same bytes give the same events and verdicts in any segmentation, and those that ws gives
 * (receiver.fuzz.test.ts compares them).
 */
import { isUtf8 } from "node:buffer";
import { Assembly } from "./assembly.js";
import { COMPRESSED, OPCODES } from "./framing.js";
import { inflate } from "./inflate.js";
import { VIOLATIONS, type Violation } from "./violations.js";

/**
 * The owner that hears the frames. Each method says whether to go on; `payload` is valid during the call
 * only.
 */
export interface FrameEvents {
  textCame(text: string): boolean;
  binaryCame(bytes: Uint8Array): boolean;
  pinged(payload: Uint8Array): boolean;
  ponged(): boolean;
  /** A frame of a message that has several, with so many bytes. */
  fragmentCame(bytes: number): boolean;
  /** A compressed message that has become so many bytes, before it is heard. */
  inflated(bytes: number): boolean;
  /** The client's close frame; nothing is read after it. Empty, or a valid code with a reason. */
  closeCame(payload: Uint8Array): void;
  /** Nothing is read after it. */
  violated(violation: Violation): void;
}

/** What frames are measured by. */
export interface FrameRules {
  /** Bytes of one message, compressed and decompressed. */
  readonly maxPayload: number;
  /** Whether it was agreed on that messages may be compressed. */
  readonly inflates: boolean;
}

const FINAL = 0x80;
const FINAL_COMPRESSED = FINAL | COMPRESSED;
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
 */
export function receive(
  bytes: Buffer,
  kept: Assembly | undefined,
  rules: FrameRules,
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
    const wrong = headViolation(first, second, assembly?.opcode ?? 0, rules);
    if (wrong !== undefined) return void violates(events, wrong);
    const start = at + headBytes(second);
    needed = start - at;
    if (left < needed) break;
    const length = payloadBytes(input, at);
    if (opcode < OPCODES.close && length > 0 && (assembly?.messageBytes ?? 0) + length > rules.maxPayload)
      return void violates(events, VIOLATIONS.tooLong);
    const payload = start + MASK_BYTES;
    const end = payload + length;
    needed = end - at;
    if (left < needed) break;
    const isAscii = unmask(input, start, end);
    at = end;
    let goOn: boolean;
    if (opcode >= OPCODES.close) goOn = hearControl(opcode, input.subarray(payload, end), events);
    else if (opcode === OPCODES.text && (first & FINAL_COMPRESSED) === FINAL)
      goOn = hearText(input, payload, end, isAscii, events);
    else {
      assembly ??= new Assembly();
      goOn = hearFragment(first, input.subarray(payload, end), assembly, rules, events);
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

/** Bytes of the head of a frame with this second byte, without its mask. */
function headBytes(second: number): number {
  const length = second & LENGTH;
  return length === LENGTH_64 ? 10 : length === LENGTH_16 ? 4 : 2;
}

/** Bytes of the payload of the frame whose head begins at `at`; infinite beyond safe integers. */
function payloadBytes(input: Buffer, at: number): number {
  const length = (input[at + 1] as number) & LENGTH;
  if (length < LENGTH_16) return length;
  if (length === LENGTH_16) return input.readUInt16BE(at + 2);
  const upper = input.readUInt32BE(at + 2);
  return upper > MAX_UPPER ? Number.POSITIVE_INFINITY : upper * 2 ** 32 + input.readUInt32BE(at + 6);
}

/** A text of one frame. Each of these says whether to go on. */
function hearText(
  input: Buffer,
  payload: number,
  end: number,
  isAscii: boolean,
  events: FrameEvents,
): boolean {
  if (isAscii) return events.textCame(input.toString("latin1", payload, end));
  if (isUtf8(input.subarray(payload, end))) return events.textCame(input.toString("utf8", payload, end));
  return violates(events, VIOLATIONS.notUtf8);
}

function hearControl(opcode: number, payload: Buffer, events: FrameEvents): boolean {
  if (opcode === OPCODES.ping) return events.pinged(payload);
  if (opcode === OPCODES.pong) return events.ponged();
  const wrong = closeViolation(payload);
  if (wrong !== undefined) return violates(events, wrong);
  events.closeCame(payload);
  return false;
}

/** A frame of a binary or compressed message, or of a message with several frames. */
function hearFragment(
  first: number,
  payload: Buffer,
  assembly: Assembly,
  rules: FrameRules,
  events: FrameEvents,
): boolean {
  const opcode = first & OPCODE;
  const isLast = (first & FINAL) !== 0;
  if (!assembly.add(opcode, payload, (first & COMPRESSED) !== 0))
    return violates(events, VIOLATIONS.manyFragments);
  if ((!isLast || opcode === OPCODES.continuation) && !events.fragmentCame(payload.length)) return false;
  if (!isLast) return true;
  const { opcode: kind, isCompressed } = assembly;
  const came = assembly.takeMessage();
  const message = isCompressed ? inflate(came, rules.maxPayload) : came;
  if (!Buffer.isBuffer(message)) return violates(events, message);
  if (isCompressed && !events.inflated(message.length)) return false;
  if (kind !== OPCODES.text) return events.binaryCame(message);
  return isUtf8(message) ? events.textCame(message.toString()) : violates(events, VIOLATIONS.notUtf8);
}

/** What is wrong with these two bytes; `fragmented`: the opcode of the message that is not complete. */
function headViolation(
  first: number,
  second: number,
  fragmented: number,
  { inflates }: FrameRules,
): Violation | undefined {
  if ((first & RESERVED) !== 0 && !(inflates && mayBeCompressed(first))) return VIOLATIONS.reservedBit;
  if ((second & MASKED) === 0) return VIOLATIONS.notMasked;
  switch (first & OPCODE) {
    case OPCODES.continuation:
      return fragmented !== 0 ? undefined : VIOLATIONS.noMessage;
    case OPCODES.text:
    case OPCODES.binary:
      return fragmented === 0 ? undefined : VIOLATIONS.messageInMessage;
    case OPCODES.close:
      if ((second & LENGTH) === 1) return VIOLATIONS.badClose;
      return controlViolation(first, second);
    case OPCODES.ping:
    case OPCODES.pong:
      return controlViolation(first, second);
    default:
      return VIOLATIONS.badOpcode;
  }
}

/** RFC 7692 §6: the first frame of a message has the bit, or none has; no control frame has it. */
function mayBeCompressed(first: number): boolean {
  const opcode = first & OPCODE;
  return (first & RESERVED) === COMPRESSED && (opcode === OPCODES.text || opcode === OPCODES.binary);
}

function controlViolation(first: number, second: number): Violation | undefined {
  const isWhole = (first & FINAL) !== 0 && (second & LENGTH) <= MAX_CONTROL;
  return isWhole ? undefined : VIOLATIONS.badControl;
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

function closeViolation(payload: Buffer): Violation | undefined {
  if (payload.length === 0) return undefined;
  const code = payload.readUInt16BE();
  // §7.4: what may stand in a frame.
  const isValid =
    (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) ||
    (code >= 3000 && code <= 4999);
  if (!isValid) return VIOLATIONS.badClose;
  return isUtf8(payload.subarray(2)) ? undefined : VIOLATIONS.notUtf8;
}

function violates(events: FrameEvents, violation: Violation): false {
  events.violated(violation);
  return false;
}
