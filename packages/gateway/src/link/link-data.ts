/**
 * Data on the link, which carries JSON: text as it is, bytes as base64 in an object of their own.
 *
 * Invariant: data comes out as it went in, and no text is taken for bytes.
 */
import type { LogPage } from "@holdfast/core";
import { type Data, fromBase64, toBase64 } from "@holdfast/protocol";

export type LinkData = string | { readonly base64: string };

/** A page of a log as the link carries it. */
export interface LinkPage extends Omit<LogPage, "entries"> {
  readonly entries: readonly { readonly offset: number; readonly data: LinkData }[];
}

export function toLink(data: Data): LinkData {
  return typeof data === "string" ? data : { base64: toBase64(data) };
}

/** Throws where the two sides are out of step. */
export function fromLink(data: LinkData): Data {
  if (typeof data === "string") return data;
  const bytes = fromBase64(data.base64);
  if (bytes === undefined) throw new TypeError("the link brought bytes that are not base64");
  return bytes;
}

export function pageToLink(page: LogPage): LinkPage {
  return { ...page, entries: page.entries.map(({ offset, data }) => ({ offset, data: toLink(data) })) };
}

export function pageFromLink(page: LinkPage): LogPage {
  return { ...page, entries: page.entries.map(({ offset, data }) => ({ offset, data: fromLink(data) })) };
}
