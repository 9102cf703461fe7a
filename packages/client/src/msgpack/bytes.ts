/**
 * Bytes in JSON frames: data is their base64 there, with a mark beside it; an application has a Uint8Array.
 *
 * Invariant: only data of the protocol is changed, never what an application has published inside it.
 */
import { fromBase64, toBase64 } from "@holdfast/protocol";

export type JsonFields = Record<string, unknown>;

/** Of JSON.stringify, for a command's body: bytes as JSON says them. */
export function replaceBytes(key: string, value: unknown): unknown {
  const { data } = fieldsOf(value);
  if (key !== "" || !(data instanceof Uint8Array)) return value;
  return { ...fieldsOf(value), data: toBase64(data), bytes: true };
}

/** A frame of the server with its bytes as bytes. In place. */
export function withBytes(frame: unknown): unknown {
  for (const body of Object.values(fieldsOf(frame))) {
    restore(body);
    restoreAll(body);
    for (const outcome of Object.values(fieldsOf(fieldsOf(body).subs))) restoreAll(outcome);
  }
  return frame;
}

function restoreAll(result: unknown): void {
  const { publications } = fieldsOf(result);
  if (Array.isArray(publications)) for (const each of publications) restore(each);
}

function restore(value: unknown): void {
  const said = fieldsOf(value);
  if (said.bytes === true && typeof said.data === "string") said.data = fromBase64(said.data) ?? said.data;
}

function fieldsOf(value: unknown): JsonFields {
  return typeof value === "object" && value !== null ? (value as JsonFields) : {};
}
