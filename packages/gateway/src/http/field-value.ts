/**
 * The value of a header's field, without the white space around it (RFC 9110 §5.5: spaces and tabs, nothing
 * else).
 *
 * By hand: a pattern that looks for white space up to the end begins anew at each space of a long run inside,
 * and takes seconds for one head. Invariant: every character is looked at once, at most.
 */

export function withoutOuterSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
