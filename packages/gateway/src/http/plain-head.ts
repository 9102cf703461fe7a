/**
 * The head of a plain GET request, or of a plain POST, read without Node's HTTP parser.
 *
 * Nine of ten sockets bring one whole head that asks for a WebSocket, or for an event stream, and nothing
 * else; others bring polls, one after another. For those the parser, its request and response objects and
 * their listeners cost more than the handshake itself (docs/performance.md, storm). Strict: whatever is not
 * plainly such a request is left to the HTTP server, which knows the rest of RFC 9112. Invariant: for every
 * head taken here Node's parser would have found the same method, target and headers, and the request has no
 * problem by `request-rules.ts` (plain-head.test.ts and request-roads.property.test.ts compare them over
 * generated heads).
 */
import type { IncomingHttpHeaders } from "node:http";
import { withoutOuterSpace } from "./field-value.js";
import { isHost } from "./field-values.js";
import type { RequestHead } from "./incoming-head.js";
import { asksForWebSocket, MAX_HEADERS } from "./request-rules.js";

/** A request, and where in the text its head ends. */
export interface PlainHead extends RequestHead {
  readonly url: string;
  /** The index of the first byte behind the head. */
  readonly end: number;
}

/** A POST whose body has so many bytes, on a connection that is kept for the next request. */
export interface PlainPost extends PlainHead {
  readonly bodyBytes: number;
}

const VERSION = " HTTP/1.1";
/**
 * Every line a name, RFC 9110 §5.6.2, and a value without controls but the tab, §5.5. One test of all lines
 * costs a fraction of two of each.
 */
const LINES = /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)*$/;
/** Path and query. A fragment has no place in a target. */
const TARGET = /^\/[\x21\x22\x24-\x7e]*$/;
/** Node's parser takes no tab behind the number. */
const LENGTH = /\r\ncontent-length: ?(\d{1,9})\r\n/i;
const KEPT = /^(?:keep-alive)?$/i;
/** Lists, which Node joins when they come in several lines. Any other repeated header is not plain. */
const JOINED: ReadonlySet<string> = new Set([
  "x-forwarded-for",
  "sec-websocket-protocol",
  "sec-websocket-extensions",
  "via",
]);

/** `text` is the head as latin1, possibly with more behind it. */
export function readPlainHead(text: string): PlainHead | undefined {
  const head = readHead(text, "GET");
  return head !== undefined && isPlain(head.headers) && head.headers["content-length"] === undefined
    ? head
    : undefined;
}

/** The same of a POST that says how long its body is, and nothing of its connection but that it is kept. */
export function readPlainPost(text: string): PlainPost | undefined {
  const head = readHead(text, "POST");
  if (head === undefined || !isPlain(head.headers)) return undefined;
  const { connection = "", upgrade } = head.headers;
  // Node's parser reads the old name as `Connection`, too.
  if (upgrade !== undefined || head.headers["proxy-connection"] !== undefined) return undefined;
  const length = LENGTH.exec(text.slice(0, head.end))?.[1];
  if (length === undefined || !KEPT.test(connection)) return undefined;
  return { ...head, bodyBytes: Number(length) };
}

function readHead(text: string, method: "GET" | "POST"): PlainHead | undefined {
  const end = text.indexOf("\r\n\r\n");
  const eol = text.indexOf("\r\n");
  if (end === -1 || !text.startsWith(method) || text[method.length] !== " ") return undefined;
  if (!text.startsWith(VERSION, eol - VERSION.length)) return undefined;
  const url = text.slice(method.length + 1, eol - VERSION.length);
  const headers = TARGET.test(url) ? readHeaders(text, eol + 2, end) : undefined;
  return headers && { method, url, headers, end: end + 4 };
}

function readHeaders(text: string, from: number, end: number): IncomingHttpHeaders | undefined {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  if (!LINES.test(text.slice(from, end + 2))) return undefined;
  let count = 0;
  for (let start = from; start < end + 2; ) {
    if (++count > MAX_HEADERS) return undefined;
    const eol = text.indexOf("\r\n", start);
    const colon = text.indexOf(":", start);
    const padded = text.slice(colon + 1, eol);
    const value = withoutOuterSpace(padded);
    // Node's parser keeps some of a value that is white space alone.
    if (value === "" && padded.length > 1) return undefined;
    const key = text.slice(start, colon).toLowerCase();
    const before = headers[key];
    if (before === undefined) headers[key] = value;
    else if (JOINED.has(key)) headers[key] = `${before}, ${value}`;
    else if (key === "cookie") headers[key] = `${before}; ${value}`;
    else return undefined;
    start = eol + 2;
  }
  return headers;
}

/** Whether the request asks to become a WebSocket. */
export function isUpgrade({ headers }: PlainHead): boolean {
  return asksForWebSocket(headers, 1);
}

function isPlain(headers: IncomingHttpHeaders): boolean {
  return (
    headers.host !== undefined &&
    isHost(headers.host) &&
    headers["transfer-encoding"] === undefined &&
    headers.expect === undefined
  );
}
