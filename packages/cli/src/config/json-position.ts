/**
 * Where JSON text stops being JSON. JSON.parse names a position in some Node versions only, and in some
 * messages only.
 *
 * Called for text that JSON.parse refused, so it looks for the first offence and builds no value.
 * Invariant: bounded by the text; nesting deeper than `MAX_DEPTH` counts as an offence instead of overflowing
 * the stack.
 */

export interface JsonOffence {
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
  /** What is wrong there, as the end of a sentence. */
  readonly what: string;
}

const MAX_DEPTH = 100;
const SPACE = /[ \t\r\n]*/y;
const LITERAL = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON allows none in a string (RFC 8259 §7).
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;

/** The first offence in `text`; undefined when it is JSON after all. */
export function findJsonOffence(text: string): JsonOffence | undefined {
  const scan = new Scan(text);
  const what = scan.document();
  if (what === undefined) return undefined;
  const before = text.slice(0, scan.at);
  const lineStart = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, column: scan.at - lineStart + 1, what };
}

/** Each method passes over one thing, or returns what is wrong at `at`. */
class Scan {
  readonly #text: string;
  at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): string | undefined {
    return (
      this.#value(0) ?? (this.at < this.#text.length ? this.#unexpected("the end of the file") : undefined)
    );
  }

  #value(depth: number): string | undefined {
    this.#pass(SPACE);
    if (depth > MAX_DEPTH) return "too deeply nested";
    const next = this.#text[this.at];
    const problem =
      next === "{"
        ? this.#list("}", () => this.#member(depth))
        : next === "["
          ? this.#list("]", () => this.#value(depth + 1))
          : next === '"'
            ? this.#string()
            : this.#pass(LITERAL)
              ? undefined
              : this.#unexpected("a value");
    if (problem === undefined) this.#pass(SPACE);
    return problem;
  }

  #list(end: string, item: () => string | undefined): string | undefined {
    this.at++;
    this.#pass(SPACE);
    if (this.#text[this.at] === end) {
      this.at++;
      return undefined;
    }
    for (;;) {
      const problem = item();
      if (problem !== undefined) return problem;
      const next = this.#text[this.at];
      if (next !== "," && next !== end) return this.#unexpected(`, or ${end}`);
      this.at++;
      if (next === end) return undefined;
    }
  }

  #member(depth: number): string | undefined {
    this.#pass(SPACE);
    if (this.#text[this.at] !== '"') return this.#unexpected('a "key"');
    const problem = this.#string();
    if (problem !== undefined) return problem;
    this.#pass(SPACE);
    if (this.#text[this.at] !== ":") return this.#unexpected(":");
    this.at++;
    return this.#value(depth + 1);
  }

  #string(): string | undefined {
    return this.#pass(STRING) ? undefined : "a string that does not end on its line, or has a wrong escape";
  }

  #pass(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.#text);
    if (match === null) return false;
    this.at += match[0].length;
    return true;
  }

  #unexpected(expected: string): string {
    // Those that end were blanked.
    if (this.#text.startsWith("/*", this.at)) return "a comment that does not end: write */ behind it";
    const next = this.#text.codePointAt(this.at);
    const found = next === undefined ? "the end of the file" : String.fromCodePoint(next);
    return `expected ${expected}, found ${found}`;
  }
}
