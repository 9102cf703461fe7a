/**
 * Plain text: what clients chose (users, channels), as a terminal may show it, and how wide it is there.
 *
 * Invariant: what `plainText` returns moves no cursor, changes no colour and turns no direction of writing.
 */

/** Controls, invisible formats (direction of writing among them), halves of characters, breaks of lines. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;
/** Two columns: East Asian wide and full-width forms (Unicode, UAX 11), and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{17000}-\u{18cff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]/u;
const COMBINING = /\p{M}/u;
const ASCII = /^[ -~]*$/;
const CUT = "…";

/** With escapes such as `\u{1b}` in place of what a terminal would obey. */
export function plainText(text: string): string {
  return ASCII.test(text)
    ? text
    : text.replace(UNSAFE, (each) => `\\u{${(each.codePointAt(0) ?? 0).toString(16)}}`);
}

/** Columns that plain text takes in a terminal. */
export function widthOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOfCharacter(character);
  return width;
}

/** The beginning of plain text that fits into `width` columns, with `…` where something was cut. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let cut = "";
  let left = width - 1;
  for (const character of text) {
    left -= widthOfCharacter(character);
    if (left < 0) break;
    cut += character;
  }
  return width < 1 ? "" : `${cut}${CUT}`;
}

/** Cut to exactly `width` columns, or filled up with blanks. */
export function fitted(text: string, width: number, align: "left" | "right" = "left"): string {
  const cut = cutTo(text, width);
  const blanks = " ".repeat(Math.max(0, width - widthOf(cut)));
  return align === "left" ? `${cut}${blanks}` : `${blanks}${cut}`;
}

function widthOfCharacter(character: string): number {
  if (COMBINING.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
