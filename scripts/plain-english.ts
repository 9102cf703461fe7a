/**
 * Plain English in comments and names of tests: the subject of a sentence is a thing of the glossary
 * (connection, session, client, worker), not a pronoun for any person.
 *
 * Pure: text of a source in, its sentences that break the rule out. Code, quotes and backticks do not count,
 * and neither do indirect questions such as "who is in a channel". Used by house.ts.
 */

const PRONOUN = /\b(?:who(?:so|m)?ever|nobody|no one|somebody|someone|everybody|everyone|anybody|anyone)\b/i;
/** "who" that refers to no noun before it: at the beginning of a clause, or behind such a word. */
const BARE_WHO =
  /(?:^\W*|[;:(] ?|\b(?:for|by|to|than|that|since|because|where|if|when|what|those|all|so) )who\b(?! is (?:in|there|where)\b)/i;
const QUOTED = /`[^`]*`|"[^"]*"/g;
/** The name of a test or of a group of tests, on the line where it begins. */
const TEST_NAME = /^\s*(?:it|test|describe)(?:\.\w+)*\(\s*"([^"]*)"/;
const SENTENCE_END = /(?<=[.!?:;])\s+|\n/;

export interface Comment {
  readonly line: number;
  readonly text: string;
}

/** `line sentence` of each sentence that has such a subject. */
export function vagueSubjects(source: string): string[] {
  return [...commentsOf(source), ...testNamesOf(source)].flatMap(({ line, text }) =>
    text
      .replace(QUOTED, "x")
      .split(SENTENCE_END)
      .filter((sentence) => PRONOUN.test(sentence) || BARE_WHO.test(sentence))
      .map((sentence) => `${line} ${sentence.trim()}`),
  );
}

function testNamesOf(source: string): Comment[] {
  return source.split("\n").flatMap((line, at) => {
    const text = TEST_NAME.exec(line)?.[1];
    return text === undefined ? [] : [{ line: at + 1, text }];
  });
}

/**
 * Comments with lines joined by blanks and paragraphs by newlines; `//` lines that follow each other are one.
 */
export function commentsOf(source: string): Comment[] {
  const comments: Comment[] = [];
  let open: { line: number; text: string } | undefined;
  const end = (): void => {
    if (open !== undefined) comments.push(open);
    open = undefined;
  };
  for (const [at, line] of source.split("\n").entries()) {
    const [, mark, rest = ""] = /^\s*(\/\*\*?|\*\/?|\/\/)(?:\s(.*))?$/.exec(line) ?? [];
    if (mark === undefined) {
      end();
      const behind = /[;,{}\])]\s\/\/ (.*)$|\/\*\* (.*?) \*\//.exec(line);
      if (behind !== null) comments.push({ line: at + 1, text: behind[1] ?? behind[2] ?? "" });
      continue;
    }
    const text = mark === "*/" ? "" : rest.replace(/\s*\*\/\s*$/, "");
    if (mark.startsWith("/*")) end();
    if (open === undefined) open = { line: at + 1, text };
    else if (mark !== "*/") open.text += text === "" ? "\n" : ` ${text}`;
    if (line.trimEnd().endsWith("*/")) end();
  }
  end();
  return comments;
}
