/**
 * A toy encoding: JSON whose names are in upper case, so that `joinLeave` is `JOIN_LEAVE`. It shows what a
 * new encoding has to bring. Data is left as it is.
 */
import {
  type DecodedPart,
  type FrameEncoding,
  type FrameValue,
  JsonText,
  jsonEncoding,
  type ReceivedFrame,
  type WireMessage,
} from "@holdfast/protocol";

/** Letters change their case; what is a capital already gets `_` before it, and so does `_`. */
export function upperName(name: string): string {
  return name.replace(/[a-zA-Z_]/g, (letter) => (/[a-z]/.test(letter) ? letter.toUpperCase() : `_${letter}`));
}

export function lowerName(name: string): string {
  return name.replace(/_([A-Z_])|([A-Z])/g, (_, kept, capital) => kept ?? String(capital).toLowerCase());
}

function upper(value: FrameValue): FrameValue {
  if (typeof value !== "object" || value === null || value instanceof JsonText) return value;
  if (value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(upper);
  const members = Object.entries(value as Readonly<Record<string, FrameValue | undefined>>);
  return Object.fromEntries(
    members.map(([name, member]) => [upperName(name), member === undefined ? undefined : upper(member)]),
  );
}

function lower(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(lower);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [lowerName(name), lower(member)]));
}

class UpperFrame implements ReceivedFrame {
  readonly value: unknown;
  readonly #frame: ReceivedFrame;

  constructor(frame: ReceivedFrame) {
    this.#frame = frame;
    this.value = lower(frame.value);
  }

  data(...path: readonly (string | number)[]): JsonText | undefined {
    return this.#frame.data(...path.map((step) => (typeof step === "string" ? upperName(step) : step)));
  }
}

export const upperKeys: FrameEncoding = Object.freeze({
  name: "upper-keys",
  isBinary: false,
  encode: (frame: FrameValue): WireMessage => jsonEncoding.encode(upper(frame)),
  join: jsonEncoding.join,
  decode: (message: WireMessage): readonly DecodedPart[] =>
    jsonEncoding
      .decode(message)
      .map((part) => (part.kind === "frame" ? { ...part, frame: new UpperFrame(part.frame) } : part)),
});
