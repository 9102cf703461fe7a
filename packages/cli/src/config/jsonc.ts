/**
 * JSON with comments and trailing commas, as editors know it from tsconfig.json: both are blanked, so that
 * JSON is left.
 *
 * Invariant: what comes out has as many characters as what went in, and the same lines, so that a position in
 * it is one in the file. Text within strings stays. One pass, without a stack.
 */

/** Whether a comma after this character ends an item of a list or of an object. */
const ENDS_ITEM = /["\]}\w]/;

/** A comment that does not end is left as it is, for JSON's own rules to refuse. */
export function blankComments(text: string): string {
  const out: string[] = [];
  let at = 0;
  /** The last character that is no space and in no comment, and where a comma may have to go. */
  let last = "";
  let comma: number | undefined;
  while (at < text.length) {
    const end = commentEnd(text, at);
    if (end !== undefined) {
      out.push(text.slice(at, end).replaceAll(/[^\r\n]/g, " "));
      at = end;
      continue;
    }
    const stop = text[at] === '"' ? stringEnd(text, at) : at + 1;
    const piece = text.slice(at, stop);
    if (!/^[ \t\r\n]$/.test(piece)) {
      if (comma !== undefined && (piece === "}" || piece === "]")) out[comma] = " ";
      comma = piece === "," && ENDS_ITEM.test(last) ? out.length : undefined;
      last = piece.at(-1) ?? "";
    }
    out.push(piece);
    at = stop;
  }
  return out.join("");
}

/** Where the comment that begins at `at` ends; undefined where none does. */
function commentEnd(text: string, at: number): number | undefined {
  if (text[at] !== "/") return undefined;
  if (text[at + 1] === "/") {
    const newline = text.indexOf("\n", at);
    return newline === -1 ? text.length : newline;
  }
  if (text[at + 1] !== "*") return undefined;
  const end = text.indexOf("*/", at + 2);
  return end === -1 ? undefined : end + 2;
}

/** Behind the string that begins at `at`; one that does not end on its line ends there. */
function stringEnd(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === '"') return i + 1;
    else if (text[i] === "\n") return i;
  }
  return text.length;
}
