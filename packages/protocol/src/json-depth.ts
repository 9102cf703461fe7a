/**
 * How deep a JSON text nests, found without parsing it and without recursion: in one pass, which most texts
 * are spared, because they open too few objects and arrays to nest too deep.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** True when `text` opens more than `limit` objects or arrays inside each other. */
export function exceedsDepth(text: string, limit: number): boolean {
  if (text.length <= limit || !opensMore(text, limit)) return false;
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

/**
 * True when `text` has more than `limit` opening brackets, in strings or not. The search is the engine's own,
 * which looks at many characters at once; it ends with the bracket beyond the limit.
 */
function opensMore(text: string, limit: number): boolean {
  let left = limit;
  for (let at = text.indexOf("{"); at !== -1; at = text.indexOf("{", at + 1)) if (--left < 0) return true;
  for (let at = text.indexOf("["); at !== -1; at = text.indexOf("[", at + 1)) if (--left < 0) return true;
  return false;
}
