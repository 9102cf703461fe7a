/**
 * Values of header fields, as RFC 9110 and 9112 define them: lists and `Host`.
 *
 * Pure. Every road that a request can take reads these values here: the front door, the plain head and Node's
 * parser decide alike because of it.
 */
import { withoutOuterSpace } from "./field-value.js";

/**
 * RFC 3986 §3.2.2 without user information: an IPv6 address in brackets, or a name; then a port, which may be
 * empty.
 */
const HOST = /^(?:\[[\da-fA-F:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[\da-fA-F]{2})*)(?::\d*)?$/;

/** The elements of a list, without white space around them. Empty ones are skipped, RFC 9110 §5.6.1.2. */
export function elementsOf(list: string): readonly string[] {
  return list
    .split(",")
    .map(withoutOuterSpace)
    .filter((element) => element !== "");
}

/** Whether the list has an element; `name` is in lower case, the list in any. */
export function hasElement(list: string | undefined, name: string): boolean {
  if (list === undefined) return false;
  const lower = list.toLowerCase();
  // What nearly all requests send, without a list.
  return lower === name || (lower.includes(name) && elementsOf(lower).includes(name));
}

/** Whether `value` may stand in a `Host` field, RFC 9110 §7.2. It may be empty. */
export function isHost(value: string): boolean {
  return HOST.test(value);
}
