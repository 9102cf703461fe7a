/**
 * Parts of a JSON text, as they were written.
 *
 * A value that is parsed and encoded anew is another text: 1285704473650888702 ends in 888700, 1.10 becomes
 * 1.1, 1e400 null and -0 0, and repeated keys are dropped. Data is carried to the letter, so it is cut out of
 * the text instead. Invariant: of a text that JSON.parse takes, a part here is the part that the parsed value
 * has: of a repeated name the last. Linear in the text, without recursion. Text that JSON.parse does not take
 * has no meaning here.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/** The value of an object's member; undefined where it has none of that name. */
export function memberText(object: string, name: string): string | undefined {
  const plain = JSON.stringify(name);
  let found: string | undefined;
  let at = skipSpace(object, skipSpace(object, 0) + 1);
  while (object.charCodeAt(at) === QUOTE) {
    const nameEnd = skipString(object, at);
    const isWanted = isName(object.slice(at, nameEnd), plain, name);
    // Behind the colon.
    const start = skipSpace(object, skipSpace(object, nameEnd) + 1);
    const end = skipValue(object, start);
    if (isWanted) found = object.slice(start, end);
    at = skipSeparator(object, end);
  }
  return found;
}

/** The elements of a list. */
export function elementTexts(list: string): string[] {
  const elements: string[] = [];
  for (let at = skipSpace(list, skipSpace(list, 0) + 1); at < list.length && list[at] !== "]"; ) {
    const end = skipValue(list, at);
    elements.push(list.slice(at, end));
    at = skipSeparator(list, end);
  }
  return elements;
}

/** A name may be written with escapes, too. */
function isName(written: string, plain: string, name: string): boolean {
  return written === plain || (written.includes("\\") && JSON.parse(written) === name);
}

/** White space and a comma. */
function skipSeparator(text: string, from: number): number {
  const at = skipSpace(text, from);
  return text.charCodeAt(at) === COMMA ? skipSpace(text, at + 1) : at;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (let unit = text.charCodeAt(at); isSpace(unit); unit = text.charCodeAt(at)) at++;
  return at;
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09;
}

/** `from` is the quote that opens it. */
function skipString(text: string, from: number): number {
  let at = from + 1;
  for (let unit = text.charCodeAt(at); at < text.length && unit !== QUOTE; unit = text.charCodeAt(at)) {
    at += unit === BACKSLASH ? 2 : 1;
  }
  return at + 1;
}

function skipValue(text: string, from: number): number {
  if (text.charCodeAt(from) === QUOTE) return skipString(text, from);
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) at = skipString(text, at) - 1;
    // `{` is 0x7b and `[` 0x5b, `}` 0x7d and `]` 0x5d: one bit apart.
    else if ((unit | 0x20) === 0x7b) depth++;
    else if ((unit | 0x20) === 0x7d) {
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (depth === 0 && (unit === COMMA || isSpace(unit))) return at;
  }
  return text.length;
}
