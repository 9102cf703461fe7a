/**
 * How deep a JSON text nests, found in one pass without parsing it and without recursion.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** True when `text` opens more than `limit` objects or arrays inside each other. */
export function exceedsDepth(text: string, limit: number): boolean {
  if (text.length <= limit) return false;
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (inString) {
      if (unit === BACKSLASH) i++;
      else if (unit === QUOTE) inString = false;
    } else if (unit === QUOTE) inString = true;
    // `{` is 0x7b and `[` 0x5b, `}` 0x7d and `]` 0x5d: one bit apart.
    else if ((unit | 0x20) === 0x7b) {
      if (++depth > limit) return true;
    } else if ((unit | 0x20) === 0x7d) depth--;
  }
  return false;
}
