/**
 * Plain English in comments, names of tests, log lines and errors: the subject of a sentence is a thing of
 * the glossary (connection, session, client, worker), not a pronoun for any person.
 *
 * A log line and an error stand alone: there "it" refers to nothing that their reader has seen. Pure: text of
 * a source in, its sentences that break the rule out. Code, quotes and backticks do not count, and neither do
 * indirect questions such as "who is in a channel". Used by house.ts.
 */
import { spokenTexts } from "./spoken-texts.js";

const PRONOUN = /\b(?:who(?:so|m)?ever|nobody|no one|somebody|someone|everybody|everyone|anybody|anyone)\b/i;
/** "who" that refers to no noun before it: at the beginning of a clause, or behind such a word. */
const BARE_WHO =
  /(?:^\W*|[;:(] ?|\b(?:for|by|to|than|that|since|because|where|if|when|what|those|all|so) )who\b(?! is (?:in|there|where)\b)/i;
/** A clause of a text that stands alone, and whose subject refers to something before the text. */
const POINTS_BACK =
  /^\W*(?:(?:it|its|he|she|they|their|them|those|these|another|others?|something|everything|what(?:ever)?|whichever)\b|(?:one|some) (?:is|are|was|were|has|have|that|which)\b)/i;
const QUOTED = /`[^`]*`|"[^"]*"/g;
/** The name of a test or of a group of tests, on the line where it begins. */
const TEST_NAME = /^\s*(?:it|test|describe)(?:\.\w+)*\(\s*"([^"]*)"/;
const SENTENCE_END = /(?<=[.!?:;])\s+|\n/;

export interface Comment {
  readonly line: number;
  readonly text: string;
}

/** `line sentence` of each sentence of a comment or of a test's name that has such a subject. */
export function vagueSubjects(source: string): string[] {
  return [...commentsOf(source), ...testNamesOf(source)].flatMap((each) => vague(each, [PRONOUN, BARE_WHO]));
}

/** The same of log lines and errors (spoken-texts.ts). */
export function vagueTexts(source: string): string[] {
  return spokenTexts(source).flatMap((each) => vague(each, [PRONOUN, BARE_WHO, POINTS_BACK]));
}

function vague({ line, text }: Comment, patterns: readonly RegExp[]): string[] {
  return text
    .replace(QUOTED, "x")
    .split(SENTENCE_END)
    .filter((sentence) => patterns.some((pattern) => pattern.test(sentence)))
    .map((sentence) => `${line} ${sentence.trim()}`);
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
