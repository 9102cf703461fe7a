/**
 * The head of a poll, as a connection remembers it: its client sends the same again with the next poll, as
 * long as the body is of the same length.
 *
 * Any bytes are safe. Invariant: what is taken here Node's parser would have read alike (`plain-head.ts`).
 */
import { corsHeaders } from "../../http/cors.js";
import type { HttpAnswer } from "../../http/http-answer.js";
import { type PlainPost, readPlainPost } from "../../http/plain-head.js";
import { qualityOf } from "../http/content-coding.js";

type Headers = Readonly<Record<string, string>>;

export interface PollHead {
  /** The whole head, as latin1. */
  readonly text: string;
  readonly bodyBytes: number;
  /** Headers of each answer that depend on the request, and the same as lines. */
  readonly headers: Headers;
  readonly lines: string;
  readonly takesGzip: boolean;
  /** What all requests with this head are answered; undefined: their body decides. */
  readonly refusal: HttpAnswer | undefined;
}

/** Which heads are taken. */
export interface PollHeadRules {
  /** Bytes of one head. */
  readonly maxHeadBytes: number;
  /** Whether requests with this head are read here at all. */
  takes(head: PlainPost): boolean;
  /** What they are refused with, whatever their body says. */
  refusal(head: PlainPost): HttpAnswer | undefined;
}

const START = "POST /poll";
const END = Buffer.from("\r\n\r\n");
const NONE: Headers = Object.freeze({});

/** `known`: of the request before. `other`: it is for Node's parser; `partial`: its rest has yet to come. */
export function readPollHead(
  input: Buffer,
  known: PollHead | undefined,
  rules: PollHeadRules,
): PollHead | "partial" | "other" {
  // A refusal is said, and noted, anew.
  if (
    known?.refusal === undefined &&
    known !== undefined &&
    input.toString("latin1", 0, known.text.length) === known.text
  )
    return known;
  if (!START.startsWith(input.toString("latin1", 0, START.length))) return "other";
  const end = input.subarray(0, rules.maxHeadBytes).indexOf(END);
  if (end === -1) return input.length < rules.maxHeadBytes ? "partial" : "other";
  const text = input.toString("latin1", 0, end + END.length);
  const head = readPlainPost(text);
  if (head === undefined || !rules.takes(head)) return "other";
  const refusal = rules.refusal(head);
  const headers = refusal === undefined ? corsHeaders(head) : NONE;
  return {
    text,
    bodyBytes: head.bodyBytes,
    headers,
    lines: linesOf(headers),
    takesGzip: qualityOf(head.headers["accept-encoding"], "gzip") > 0,
    refusal,
  };
}

export function linesOf(headers: Headers): string {
  let lines = "";
  for (const [name, value] of Object.entries(headers)) lines += `${name}: ${value}\r\n`;
  return lines;
}
