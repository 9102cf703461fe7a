/**
 * Frames whose data is the text that it was written as: each `data` becomes a string that holds its JSON.
 *
 * The SDK parses frames, and a number that JavaScript cannot hold would come out as another one. Invariant:
 * whatever the SDK gives as data of such a frame is the text that was published, to the letter.
 */
import { elementTexts, memberText } from "@holdfast/protocol";

type Fields = Record<string, unknown>;

const PUSHES = ["publication", "broadcast", "message"];
const RESULTS = ["subscribe", "history"];

/** A message of one or more frames, one a line. */
export function withDataAsText(message: string): string {
  return message.split("\n").map(frameWithText).join("\n");
}

function frameWithText(text: string): string {
  if (!text.includes('"data"')) return text;
  const frame = JSON.parse(text) as Fields;
  for (const op of PUSHES) {
    const body = frame[op] as Fields | undefined;
    if (body !== undefined) setData(body, memberText(text, op) ?? "{}");
  }
  for (const op of RESULTS) {
    if (frame[op] !== undefined) fill(frame[op] as Fields, memberText(text, op) ?? "{}");
  }
  const { subs } = (frame.connect ?? {}) as { readonly subs?: Readonly<Record<string, Fields>> };
  const subsText = memberText(memberText(text, "connect") ?? "{}", "subs") ?? "{}";
  for (const [channel, result] of Object.entries(subs ?? {})) {
    fill(result, memberText(subsText, channel) ?? "{}");
  }
  return JSON.stringify(frame);
}

/** The publications of a result. */
function fill({ publications }: Fields, text: string): void {
  if (!Array.isArray(publications)) return;
  const texts = elementTexts(memberText(text, "publications") ?? "[]");
  for (const [index, publication] of (publications as Fields[]).entries()) {
    setData(publication, texts[index] ?? "{}");
  }
}

/** Bytes stay the base64 that they are said in: they are printed. */
function setData(body: Fields, text: string): void {
  body.data = memberText(text, "data") ?? "null";
  delete body.bytes;
}
