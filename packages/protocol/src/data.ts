/**
 * Data: what a publication carries through the server, text or bytes.
 *
 * Text is what its publisher wrote: any text at the broker's seam, JSON text behind `normalizeData`. Bytes
 * are never taken for text, nor text for bytes. Invariant: data is shared by all its receivers and is not
 * changed.
 */
import { JsonText } from "./frame-encoding.js";

export type Data = string | Uint8Array;

/** Published data as a leaf of a frame. */
export type DataLeaf = JsonText | Uint8Array;

export function leafOf(data: Data): DataLeaf {
  return typeof data === "string" ? new JsonText(data) : data;
}

/**
 * Published data as the members that say it in an object of our dialect. Bytes have a mark beside them, so
 * that no JSON that an application publishes looks like bytes, and a client that does not know the mark takes
 * them for a string.
 */
export function dataMembers(data: DataLeaf): { readonly data: DataLeaf; readonly bytes?: true } {
  return data instanceof JsonText ? { data } : { data, bytes: true };
}
