/**
 * The JSON encoding: a frame is a line of JSON, and a message is one line or several.
 *
 * Invariants: no text made here contains a newline, which separates frames; data is put in and cut out to the
 * letter. The caller has bounded a message's size; its depth, its frames and its blank lines are bounded
 * here, because each is work.
 */

import { toBase64 } from "./base64.js";
import type { DecodedPart, FrameEncoding, FrameValue, ReceivedFrame, WireMessage } from "./frame-encoding.js";
import { JsonText } from "./frame-encoding.js";
import { exceedsDepth } from "./json-depth.js";
import { elementTexts, memberText } from "./json-text.js";
import { MAX_COMMANDS_PER_MESSAGE, MAX_DEPTH } from "./limits.js";

/** In one message: each is work. */
const MAX_BLANK_LINES = 1_024;
/**
 * A line without a frame: what JSON counts as white space, such as the `\r` of an empty line that ends in
 * `\r\n`.
 */
const BLANK = /^[ \t\r]*$/;

/**
 * Text that JSON writes as it is, between quotes. To ask costs a third of what JSON.stringify does, and most
 * of what a server says is numbers and short names.
 */
const PLAIN = /^[\w:.-]*$/;

/** A frame as one line of JSON. */
export function frameText(value: FrameValue | undefined): string {
  switch (typeof value) {
    case "string":
      return quoted(value);
    case "number":
      // Infinity and the like have no JSON, and become null.
      return Number.isFinite(value) ? `${value}` : "null";
    case "boolean":
      return value ? "true" : "false";
    case "object":
      if (value === null) return "null";
      if (value instanceof JsonText) return value.text;
      if (value instanceof Uint8Array) return `"${toBase64(value)}"`;
      return isList(value) ? listText(value) : objectText(value);
    default:
      return "null";
  }
}

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

function objectText(value: Readonly<Record<string, FrameValue | undefined>>): string {
  let text = "{";
  for (const name in value) {
    const member = value[name];
    if (member === undefined) continue;
    text += `${text === "{" ? "" : ","}${quoted(name)}:${frameText(member)}`;
  }
  return `${text}}`;
}

function listText(values: readonly FrameValue[]): string {
  let text = "[";
  for (const value of values) text += `${text === "[" ? "" : ","}${frameText(value)}`;
  return `${text}]`;
}

function isList(value: object): value is readonly FrameValue[] {
  return Array.isArray(value);
}

/** A frame of a client, and the text that it was read of: one line, whose value JSON.parse has given. */
export class JsonFrame implements ReceivedFrame {
  readonly value: unknown;
  readonly #text: string;

  constructor(value: unknown, text: string) {
    this.value = value;
    this.#text = text;
  }

  data(...path: readonly (string | number)[]): JsonText | undefined {
    let text: string | undefined = this.#text;
    for (const step of path) {
      if (text === undefined) return undefined;
      text = typeof step === "number" ? elementTexts(text)[step] : memberText(text, step);
    }
    return text === undefined ? undefined : new JsonText(text);
  }
}

/** The frames of a text: one, or several separated by newlines; blank lines are skipped. */
export function decodeJson(message: string): readonly DecodedPart[] {
  if (exceedsDepth(message, MAX_DEPTH)) return [malformed(`JSON nested deeper than ${MAX_DEPTH}`)];
  if (!message.includes("\n")) return [decodeLine(message)];
  const parts: DecodedPart[] = [];
  let blank = 0;
  let start = 0;
  while (start < message.length) {
    const newline = message.indexOf("\n", start);
    const end = newline === -1 ? message.length : newline;
    const line = message.slice(start, end);
    if (!BLANK.test(line)) {
      if (parts.length === MAX_COMMANDS_PER_MESSAGE) {
        parts.push(malformed(`more than ${MAX_COMMANDS_PER_MESSAGE} frames in one message`));
        return parts;
      }
      const part = decodeLine(line);
      parts.push(part);
      if (part.kind === "malformed") return parts;
    } else if (++blank > MAX_BLANK_LINES) {
      parts.push(malformed(`more than ${MAX_BLANK_LINES} blank lines in one message`));
      return parts;
    }
    start = end + 1;
  }
  return parts.length === 0 ? [malformed("an empty message")] : parts;
}

function decodeLine(text: string): DecodedPart {
  try {
    return { kind: "frame", frame: new JsonFrame(JSON.parse(text), text) };
  } catch {
    return malformed('not JSON as {"id":1,"connect":{}} is');
  }
}

function malformed(problem: string): DecodedPart {
  return { kind: "malformed", problem };
}

export const jsonEncoding: FrameEncoding = Object.freeze({
  name: "json",
  isBinary: false,
  encode: frameText,
  join: (frames: readonly WireMessage[]): WireMessage => frames.join("\n"),
  decode: (message: WireMessage): readonly DecodedPart[] =>
    typeof message === "string" ? decodeJson(message) : [malformed("a binary message, where JSON is text")],
});
