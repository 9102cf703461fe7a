/**
 * The decision about a comet request: a request head in, what to do out.
 *
 * Pure, in the order in which a developer would want to hear about it. Whether there is room is core's to
 * say.
 */
import { CODEC_ROWS, type Codec, rowFor } from "@holdfast/core";
import { errors } from "@holdfast/protocol";
import { corsHeaders, preflightHeaders } from "../../http/cors.js";
import { errorAnswer, type HttpAnswer, type HttpError, httpError } from "../../http/http-answer.js";
import type { RequestHead } from "../../http/incoming-head.js";
import type { OriginCheck } from "../../http/origin.js";
import { bearerOf } from "../http/request-authentication.js";
import { shown } from "../http/upgrade.js";
import { parseUpgradeQuery, type QueryRules } from "../http/upgrade-query.js";
import { type Cursor, decodeCursor } from "./cursor.js";
import { streamHeaders } from "./event-streams.js";

export interface CometPolicy extends QueryRules {
  readonly mayComeFrom: OriginCheck;
  /** Headers that the application is shown, in lower case; undefined: it is not asked who connects. */
  readonly forwarded?: readonly string[] | undefined;
}

/** A stream for a plain client. */
export interface PlainStream {
  readonly kind: "stream";
  readonly channels: readonly string[];
  readonly codec: Codec;
  readonly cursor: Cursor | undefined;
  /** From the head, or from the URL where that is allowed. */
  readonly token: string | undefined;
  readonly ticket: string | undefined;
}

export type CometDecision =
  | PlainStream
  /** The body says what is wanted. */
  | { readonly kind: "body"; readonly path: BodyPath }
  /** A ticket for the bearer of a token. */
  | { readonly kind: "ticket"; readonly token: string | undefined }
  | { readonly kind: "answer"; readonly answer: HttpAnswer };

const METHODS = Object.freeze({
  "/sse": "GET, HEAD, POST, OPTIONS",
  "/send": "POST, OPTIONS",
  "/poll": "POST, OPTIONS",
  "/ticket": "POST, OPTIONS",
});

/**
 * What the ids of a stream may take of the request head in which an EventSource sends the last one,
 * characters.
 */
const MAX_EVENT_ID = 6 * 1024;
/** What a channel takes there beside its name. */
const PLACE_LENGTH = 48;

export type CometPath = keyof typeof METHODS;
/** Those whose POST has a body. */
export type BodyPath = Exclude<CometPath, "/ticket">;

/** Which of ours a request is for. */
export function cometPath({ url = "" }: RequestHead): CometPath | undefined {
  const question = url.indexOf("?");
  const path = question === -1 ? url : url.slice(0, question);
  return path in METHODS ? (path as CometPath) : undefined;
}

/**
 * The `Sec-Fetch-Site` of a request that a page, or an image in it, can make without saying its origin;
 * undefined for others. Browsers leave the header out towards plain http, but send `Accept-Encoding`, which
 * no page can take away (https://fetch.spec.whatwg.org/#forbidden-request-header): a request with neither
 * comes from a program.
 */
function siteOf({ method, headers }: RequestHead): string | undefined {
  if (method !== "GET" && method !== "HEAD") return undefined;
  const site = headers["sec-fetch-site"] as string | undefined;
  return site ?? (headers["accept-encoding"] === undefined ? undefined : "");
}

export function decideComet(head: RequestHead, path: CometPath, policy: CometPolicy): CometDecision {
  const { method, headers, url = "" } = head;
  if (!policy.mayComeFrom(headers.origin, headers.host, siteOf(head)))
    return { kind: "answer", answer: errorAnswer(403, foreign(headers.origin), { Vary: "Origin" }) };
  if (method === "OPTIONS")
    return {
      kind: "answer",
      answer: { status: 204, headers: preflightHeaders(head, METHODS[path]), body: undefined },
    };
  if (method === "POST")
    return path === "/ticket"
      ? { kind: "ticket", token: bearerOf(headers.authorization) }
      : { kind: "body", path };
  if (path !== "/sse" || (method !== "GET" && method !== "HEAD")) {
    const allow = METHODS[path];
    return refuse(
      head,
      405,
      httpError(
        405,
        `\`${path}\` takes ${allow}: the SDK polls and sends there, plain clients read \`/sse?channels=<name>\`.`,
      ),
      { Allow: allow },
    );
  }
  const question = url.indexOf("?");
  const query = parseUpgradeQuery(question === -1 ? "" : url.slice(question + 1), policy);
  if (query.kind === "problem") return refuse(head, 400, { ...query.error, message: query.message });
  const { channels, format, ticket } = query;
  const token = bearerOf(headers.authorization) ?? query.token;
  if (channels === undefined)
    return refuse(head, 400, {
      ...errors.badRequest,
      message: "`/sse` needs `?channels=`; or POST commands to it, of which the first is `connect`.",
    });
  if (idLength(channels) > MAX_EVENT_ID)
    return refuse(head, 400, {
      ...errors.limitChannels,
      message:
        "These are more channels, or longer names, than a browser can come back with; use several streams or the SDK.",
    });
  if (method === "HEAD")
    return {
      kind: "answer",
      answer: { status: 200, headers: streamHeaders(corsHeaders(head)), body: undefined },
    };
  // What the browser says of itself is newer than what its URL says.
  const told = headers["last-event-id"];
  const given = told ?? query.cursor;
  const read =
    typeof given === "string" && given !== "" ? decodeCursor(given, policy.maxChannels) : undefined;
  // URLs end up in logs: what they say of a place is taken, but they prove nothing.
  const cursor = read && told === undefined ? { ...read, token: undefined } : read;
  const codec = rowFor(policy.codecs ?? CODEC_ROWS, format, undefined)?.plain;
  if (codec === undefined || codec.encoding.isBinary)
    return refuse(head, 400, { ...errors.badRequest, message: "An event stream carries text alone." });
  return { kind: "stream", channels, codec, cursor, token, ticket };
}

/** An error that the page which asked can read. */
export function refuse(
  head: RequestHead,
  status: number,
  error: HttpError,
  headers: Readonly<Record<string, string>> = {},
): CometDecision & { kind: "answer" } {
  return { kind: "answer", answer: errorAnswer(status, error, { ...corsHeaders(head), ...headers }) };
}

function idLength(channels: readonly string[]): number {
  return channels.reduce((length, channel) => length + encodeURIComponent(channel).length + PLACE_LENGTH, 0);
}

/** The page that is told so cannot read it: its developer sees it in the browser's tools. */
function foreign(origin: string | undefined): HttpError {
  const message = `Pages of the origin ${JSON.stringify(shown(origin))} may not connect here: add it to the setting \`origins\`.`;
  return { ...errors.forbidden, message };
}
