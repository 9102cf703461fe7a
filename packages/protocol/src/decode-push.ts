/**
 * What the server says → replies and pushes. The client's side of the boundary.
 *
 * Lenient where the server's side is strict: an operation or field this version does not know is skipped,
 * so that a newer server can add to the protocol. Never throws; text that is not a frame is `malformed`.
 */
import type { ErrorCode } from "./codes.js";
import type { Json } from "./frame.js";

export type DecodedFrame =
  | { readonly kind: "ping" }
  | { readonly kind: "reply"; readonly id: number; readonly op: string; readonly body: Json }
  | { readonly kind: "error"; readonly id: number; readonly error: ErrorCode }
  | { readonly kind: "push"; readonly op: string; readonly body: Json }
  | { readonly kind: "malformed"; readonly text: string };

/** Decodes one message: one frame or several, separated by newlines, or as values that were read already. */
export function decodeFrames(message: string | readonly unknown[]): readonly DecodedFrame[] {
  if (typeof message !== "string") return message.map(decodeFrame);
  return message.includes("\n")
    ? message.split("\n").filter(Boolean).map(decodeFrame)
    : [decodeFrame(message)];
}

/** `given`: JSON text, or a value. */
function decodeFrame(given: unknown): DecodedFrame {
  const text = String(given);
  let frame = given as Record<string, Json> | null;
  try {
    if (given === text) frame = JSON.parse(text);
  } catch {
    // Stays text.
  }
  if (typeof frame !== "object" || frame === null || Array.isArray(frame)) return { kind: "malformed", text };
  const keys = Object.keys(frame);
  if (keys.length === 0) return { kind: "ping" };
  const op = keys.find((key) => key !== "id");
  if (op === undefined) return { kind: "malformed", text };
  const { id } = frame;
  const body = frame[op] ?? null;
  if (typeof id !== "number") return { kind: "push", op, body };
  if (op !== "error") return { kind: "reply", id, op, body };
  return isErrorCode(body) ? { kind: "error", id, error: body } : { kind: "malformed", text };
}

/** Any code may come, since a newer server may know more of them, but a row has to be one. */
function isErrorCode(body: unknown): body is ErrorCode {
  const { code, name, message, temporary } = (body ?? {}) as Partial<ErrorCode>;
  return (
    typeof code === "number" &&
    typeof name === "string" &&
    typeof message === "string" &&
    typeof temporary === "boolean"
  );
}
