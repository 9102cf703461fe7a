/**
 * Trace context: the W3C `traceparent` of a publication, and how it travels with the data.
 *
 * Brokers, logs and links carry one text for each publication. A trace context is put before the data in that
 * text:
 *
 *     <data>                        without a trace context
 *     MARK <traceparent> " " <data> with one
 *
 * The mark is "\u0001tp\u0001": no JSON begins so. Invariants: a text without the mark costs one comparison
 * and no byte; a trace context that is not valid never leaves `normalizeData`; at most `MAX_MARKED`
 * characters are looked at.
 */
import type { Data } from "./data.js";

const MARK = "\u0001tp\u0001";
/** Characters of a `traceparent` of version 00. */
const TRACEPARENT_LENGTH = 55;
/** Characters behind the mark in which a trace context has to end. */
const MAX_MARKED = 128;
const FORM = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/;
const NO_TRACE = "0".repeat(32);
const NO_PARENT = "0".repeat(16);

/** Characters, and bytes, that a trace context takes before the data. */
export const TRACE_CONTEXT_LENGTH: number = MARK.length + TRACEPARENT_LENGTH + 1;

/** Whether it is a `traceparent` of version 00, with ids that are not zero. */
export function isTraceparent(value: unknown): value is string {
  if (typeof value !== "string" || value.length !== TRACEPARENT_LENGTH) return false;
  const [, trace, parent] = FORM.exec(value) ?? [];
  return trace !== undefined && trace !== NO_TRACE && parent !== NO_PARENT;
}

/** Whether the caller records this trace. `traceparent` is valid. */
export function isSampled(traceparent: string): boolean {
  return (Number.parseInt(traceparent.slice(-2), 16) & 1) === 1;
}

/** Whether the text begins with the mark; what follows may be anything. */
export function isMarked(data: Data): data is string {
  return typeof data === "string" && data.startsWith(MARK);
}

/** The data with its trace context. `traceparent` is valid; undefined, and for bytes: the data as it is. */
export function withTraceparent(data: string, traceparent: string | undefined): string;
export function withTraceparent(data: Data, traceparent: string | undefined): Data;
export function withTraceparent(data: Data, traceparent: string | undefined): Data {
  return traceparent === undefined || typeof data !== "string" ? data : `${MARK}${traceparent} ${data}`;
}

/** The valid trace context that a text begins with; undefined where there is none. */
export function traceparentOf(text: string): string | undefined {
  if (!isMarked(text)) return undefined;
  const traceparent = text.slice(MARK.length, MARK.length + TRACEPARENT_LENGTH);
  return text[TRACE_CONTEXT_LENGTH - 1] === " " && isTraceparent(traceparent) ? traceparent : undefined;
}

/** The data of a text, whose trace context, if it has one, is valid. */
export function dataOfTraced(text: string): string {
  return isMarked(text) ? text.slice(TRACE_CONTEXT_LENGTH) : text;
}

/**
 * The data of a text with the mark, whatever stands between the two. Undefined where no space ends a trace
 * context: then the text is data that begins with the mark.
 */
export function markedData(text: string): string | undefined {
  const end = text.slice(0, MARK.length + MAX_MARKED + 1).indexOf(" ", MARK.length);
  return end === -1 ? undefined : text.slice(end + 1);
}
