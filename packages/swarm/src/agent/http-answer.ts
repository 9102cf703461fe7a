/**
 * Answers of HTTP/1.1 as comet needs them: the head, and where a body of known length ends.
 */
import { MAX_HEAD_BYTES } from "./handshake.js";

/** More than the gateway's largest batch. */
export const MAX_BODY_BYTES = 16 * 1024 * 1024;

export type HttpHead =
  | { readonly is: "unfinished" }
  | { readonly is: "malformed"; readonly why: string }
  /** `end` is where the body begins; `length` is undefined without a Content-Length. */
  | {
      readonly is: "head";
      readonly status: number;
      readonly end: number;
      readonly length: number | undefined;
    };

/** `text` is Latin-1 text from the beginning of an answer. */
export function readHttpHead(text: string): HttpHead {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) {
    return text.length > MAX_HEAD_BYTES ? { is: "malformed", why: "not HTTP" } : { is: "unfinished" };
  }
  const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1];
  if (status === undefined) return { is: "malformed", why: "not HTTP" };
  const length = /\r\ncontent-length: *(\d{1,9}) *\r\n/i.exec(text.slice(0, end + 2))?.[1];
  if (Number(length) > MAX_BODY_BYTES) return { is: "malformed", why: "an answer that is too long" };
  return {
    is: "head",
    status: Number(status),
    end: end + 4,
    length: length === undefined ? undefined : Number(length),
  };
}
