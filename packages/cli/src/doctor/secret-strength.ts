/**
 * How hard a secret is to guess, by its characters.
 *
 * An upper bound: what looks random may be known. Invariant: a text that repeats itself counts once, and the
 * secret itself goes nowhere.
 */

/** Bits of a guess at random. */
export function secretBits(secret: string): number {
  const core = secret.slice(0, periodOf(secret));
  return Math.floor(core.length * Math.log2(alphabetOf(core)));
}

/** The shortest beginning whose repetitions are the whole. */
function periodOf(text: string): number {
  for (let length = 1; length <= text.length / 2; length++) {
    const part = text.slice(0, length);
    if (part.repeat(Math.ceil(text.length / length)).startsWith(text)) return length;
  }
  return text.length;
}

/** Characters that its maker chose from, by the kinds that are in it. */
function alphabetOf(text: string): number {
  if (/^[0-9]+$/.test(text)) return 10;
  if (/^[0-9a-f]+$/.test(text) || /^[0-9A-F]+$/.test(text)) return 16;
  const kinds: readonly (readonly [RegExp, number])[] = [
    [/[a-z]/, 26],
    [/[A-Z]/, 26],
    [/[0-9]/, 10],
    [/[^a-zA-Z0-9]/, 32],
  ];
  return kinds.reduce((sum, [kind, size]) => sum + (kind.test(text) ? size : 0), 0) || 1;
}
