/**
 * The MessagePack encoding: a frame is one value, and a message is one value or several, one behind the
 * other.
 *
 * The library is @msgpack/msgpack; what may be decoded at all is decided before (`msgpack-frames.ts`). JSON
 * data becomes values of MessagePack and back (`json-values.ts`), bytes are bin. Invariants: nothing that
 * comes is decoded before its size, its depth and its kinds are known to be bounded; bytes that are given out
 * share no memory with the message.
 */
import {
  type DecodedPart,
  type FrameEncoding,
  type FrameValue,
  JsonText,
  type ReceivedFrame,
  type WireMessage,
} from "@holdfast/protocol";
import { decode, encode } from "@msgpack/msgpack";
import { jsonOf, needsCare, readJson, wideInteger } from "./json-values.js";
import { type FrameSpan, framesOf } from "./msgpack-frames.js";

/** A frame as the library takes it. `isCareful`: with bigints for integers beyond 32 bits. */
function plain(value: FrameValue | undefined, isCareful: boolean): unknown {
  if (typeof value === "number") return isCareful ? wideInteger(value) : value;
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (value instanceof JsonText) return readJson(value.text, isCareful);
  if (isList(value)) return value.map((each) => plain(each, isCareful));
  const object: Record<string, unknown> = {};
  for (const name in value) object[name] = plain(value[name], isCareful);
  return object;
}

function hasCare(value: FrameValue | undefined): boolean {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return false;
  if (value instanceof JsonText) return needsCare(value.text);
  return Object.values(value).some(hasCare);
}

function isList(value: object): value is readonly FrameValue[] {
  return Array.isArray(value);
}

function encodeFrame(frame: FrameValue): Uint8Array {
  const isCareful = hasCare(frame);
  return encode(plain(frame, isCareful), { ignoreUndefined: true, useBigInt64: isCareful });
}

/** A frame of a client. An integer in it is a number where a number has its digits, and else a bigint. */
class PackedFrame implements ReceivedFrame {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }

  data(...path: readonly (string | number)[]): JsonText | undefined {
    let found: unknown = this.value;
    for (const step of path) {
      const isTree = typeof found === "object" && found !== null && !(found instanceof Uint8Array);
      if (!isTree || !Object.hasOwn(found as object, step)) return undefined;
      found = (found as Readonly<Record<string | number, unknown>>)[step];
    }
    const text = jsonOf(found);
    return text === undefined ? undefined : new JsonText(text);
  }
}

/** Bytes in memory of their own, and bigints as numbers where these have the same digits. In place. */
function owned(value: unknown): unknown {
  if (typeof value === "bigint") {
    const near = Number(value);
    return Number.isSafeInteger(near) ? near : value;
  }
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return new Uint8Array(value);
  const tree = value as Record<string, unknown>;
  for (const name in tree) tree[name] = owned(tree[name]);
  return tree;
}

function decodeMessage(message: Uint8Array): readonly DecodedPart[] {
  const { frames, problem } = framesOf(message);
  const parts: DecodedPart[] = [];
  for (const span of frames) {
    const part = decodeFrame(message, span);
    parts.push(part);
    if (part.kind === "malformed") return parts;
  }
  if (problem !== undefined) parts.push(malformed(problem));
  return parts;
}

function decodeFrame(message: Uint8Array, { start, end, hasInt64 }: FrameSpan): DecodedPart {
  try {
    const value = decode(message.subarray(start, end), { useBigInt64: hasInt64 });
    return { kind: "frame", frame: new PackedFrame(owned(value)) };
  } catch {
    // Of what has been looked at the library takes all but this.
    return malformed("a map with the key __proto__");
  }
}

function malformed(problem: string): DecodedPart {
  return { kind: "malformed", problem };
}

export const msgpackEncoding: FrameEncoding = Object.freeze({
  name: "msgpack",
  isBinary: true,
  encode: encodeFrame,
  join: (frames: readonly WireMessage[]): WireMessage =>
    Buffer.concat(frames.filter((frame) => typeof frame !== "string")),
  decode: (message: WireMessage): readonly DecodedPart[] =>
    typeof message === "string"
      ? [malformed("a text message, where MessagePack is binary")]
      : decodeMessage(message),
});
