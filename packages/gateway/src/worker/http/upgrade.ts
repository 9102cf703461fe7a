/**
 * The upgrade decision: a request head in, accept or refuse out.
 *
 * Pure: no socket, no clock. Guard clauses in the order in which a developer would want to hear about them;
 * each refusal is a status and one sentence. Whether there is room, and whether the broker can be reached, is
 * core's to say (`Core#admit`); `refusalFor` turns its answer into HTTP.
 * Invariant: what is accepted here, ws accepts too, so no other refusal reaches a peer.
 */

import type { IncomingHttpHeaders } from "node:http";
import {
  CODEC_ROWS,
  type Codec,
  type CodecRow,
  type ForwardedHeaders,
  type Identity,
  rowFor,
  subprotocolOf,
} from "@holdfast/core";
import { type ErrorCode, errors } from "@holdfast/protocol";
import { elementsOf, hasElement } from "../../http/field-values.js";
import { type HttpError, httpError } from "../../http/http-answer.js";
import type { RequestHead } from "../../http/incoming-head.js";
import type { OriginCheck } from "../../http/origin.js";
import { type Compression, type DeflateTerms, negotiateDeflate } from "./deflate-offer.js";
import { forwardedHeaders, MAX_FORWARDED } from "./forwarded-headers.js";
import type { Notice } from "./noticed.js";
import { pathHint } from "./path-hints.js";
import { bearerOf } from "./request-authentication.js";
import { parseUpgradeQuery } from "./upgrade-query.js";

export interface UpgradePolicy {
  readonly mayComeFrom: OriginCheck;
  /** Channels that one URL may name. */
  readonly maxChannels: number;
  /** Headers that the application is shown, in lower case; undefined: it is not asked who connects. */
  readonly forwarded?: readonly string[] | undefined;
  /** Whether `?token=` is taken. */
  readonly tokenInUrl: boolean;
  /** Absent = `off`: extensions are declined, whatever is offered. */
  readonly compression?: Compression | undefined;
  /** The codecs that a client may ask for. */
  readonly codecs?: readonly CodecRow[] | undefined;
  /** Told of what was probably meant otherwise. */
  readonly notice?: Notice | undefined;
}

export interface Acceptance {
  readonly kind: "accept";
  readonly codec: Codec;
  /** The one that is answered; undefined where none was offered. */
  readonly subprotocol: string | undefined;
  /** How messages may be compressed; absent: they may not. */
  readonly deflate?: DeflateTerms | undefined;
  /** Given: connected by the URL at once. */
  readonly channels: readonly string[] | undefined;
  /** The session that the client wants to go on with. */
  readonly sid: string | undefined;
  /** Of the header, or of the URL where that is allowed; not checked yet. */
  readonly token?: string | undefined;
  /** Of the head, for the application; undefined where it is not asked who connects. */
  readonly forwarded?: ForwardedHeaders | undefined;
  /** The client's address where a proxy speaks for it: see `ClientAddresses#remembered`. */
  readonly address?: string | undefined;
  /** The client's identity, once the token has been checked. */
  readonly identity?: Identity | undefined;
}

export interface UpgradeRefusal {
  readonly kind: "refuse";
  readonly status: number;
  readonly error: HttpError;
  readonly headers: Readonly<Record<string, string>>;
}

export const WEBSOCKET_PATH = "/ws";
const MAX_RETRY_AFTER_S = 10;
const MAX_SHOWN_ORIGIN = 200;

/** The rows that a token may be refused with. */
const UNAUTHORIZED: ReadonlySet<number> = new Set(
  [
    errors.unauthorized,
    errors.badToken,
    errors.tokenExpired,
    errors.tokenEarly,
    errors.wrongIssuer,
    errors.wrongAudience,
    errors.tokenRevoked,
  ].map(({ code }) => code),
);

const KEY = /^[+/0-9A-Za-z]{22}==$/;
/** One subprotocol: a token of RFC 9110 §5.6.2. */
const SUBPROTOCOL_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export function decideUpgrade(head: RequestHead, policy: UpgradePolicy): Acceptance | UpgradeRefusal {
  const { headers, url = "" } = head;
  const question = url.indexOf("?");
  const path = question === -1 ? url : url.slice(0, question);
  if (path !== WEBSOCKET_PATH) {
    const hint = pathHint(path);
    if (hint !== undefined) policy.notice?.(path, hint);
    return refuse(404, httpError(404, hint ?? `WebSockets are served at ${WEBSOCKET_PATH}.`));
  }
  if (head.method !== "GET") {
    return refuse(405, httpError(405, "A WebSocket begins with a GET request."), { Allow: "GET" });
  }
  if (!hasElement(headers.upgrade, "websocket")) {
    return refuse(426, httpError(426, "This address speaks WebSocket."), { Upgrade: "websocket" });
  }
  if (hasBody(headers)) return refuse(400, badRequest("A WebSocket request has no body."));
  if (headers["sec-websocket-version"] !== "13") {
    const version = { Upgrade: "websocket", "Sec-WebSocket-Version": "13" };
    return refuse(426, httpError(426, "`Sec-WebSocket-Version` must be 13."), version);
  }
  if (!KEY.test(headers["sec-websocket-key"] ?? "")) {
    return refuse(400, badRequest("`Sec-WebSocket-Key` must be 16 bytes in base64."));
  }
  const { codecs = CODEC_ROWS } = policy;
  const spoken = subprotocolFor(headers["sec-websocket-protocol"], codecs);
  if (typeof spoken !== "string" && spoken !== undefined) return refuse(400, badRequest(spoken.problem));
  const deflate = deflateFor(headers["sec-websocket-extensions"], policy);
  if (deflate === "malformed") {
    return refuse(400, badRequest("`Sec-WebSocket-Extensions` is not a list of extensions, RFC 6455 §9.1."));
  }
  if (!policy.mayComeFrom(headers.origin, headers.host)) {
    return refuse(403, {
      ...errors.forbidden,
      message: `Pages of the origin ${JSON.stringify(shown(headers.origin))} may not connect here: add it to the setting \`origins\`.`,
    });
  }
  const query = parseUpgradeQuery(question === -1 ? "" : url.slice(question + 1), policy);
  if (query.kind === "problem") return refuse(400, { ...query.error, message: query.message });
  const { channels, format, sid } = query;
  const token = bearerOf(headers.authorization) ?? query.token;
  const row = rowFor(codecs, format, spoken);
  const codec = channels === undefined ? row?.speaking : row?.plain;
  // The query has been checked: this is a mistake in the table of codecs.
  if (codec === undefined) return refuse(400, badRequest("There is no such form of messages here."));
  const accepted = { kind: "accept", codec, subprotocol: spoken, deflate, channels, sid, token } as const;
  if (policy.forwarded === undefined) return accepted;
  const forwarded = forwardedHeaders(headers, policy.forwarded);
  return forwarded === undefined
    ? refuse(431, httpError(431, `Headers for the application may have ${MAX_FORWARDED} characters.`))
    : { ...accepted, forwarded };
}

/**
 * What to answer when core does not admit the request. `random` in [0, 1) spreads the return of waiting
 * clients, so that they do not come back as one wave.
 */
export function refusalFor(error: ErrorCode, random: number): UpgradeRefusal {
  if (error.temporary) {
    return refuse(503, error, { "Retry-After": String(1 + Math.floor(random * MAX_RETRY_AFTER_S)) });
  }
  if (UNAUTHORIZED.has(error.code)) return refuse(401, error, { "WWW-Authenticate": "Bearer" });
  if (error.code === errors.forbidden.code || error.code === errors.denied.code) return refuse(403, error);
  return refuse(400, error);
}

/** An origin as a message repeats it. */
export function shown(origin: string | undefined): string {
  return (origin ?? "none").slice(0, MAX_SHOWN_ORIGIN);
}

/**
 * The first of the offered subprotocols that there is here. Strict, as ws is: a malformed or repeated name is
 * an error.
 */
function subprotocolFor(
  offer: string | undefined,
  codecs: readonly CodecRow[],
): string | undefined | { readonly problem: string } {
  if (offer === undefined) return undefined;
  const names = elementsOf(offer);
  const isList = names.length > 0 && names.every((name) => SUBPROTOCOL_NAME.test(name));
  if (!isList || new Set(names).size < names.length) {
    return { problem: "`Sec-WebSocket-Protocol` is not a list of different names." };
  }
  const chosen = subprotocolOf(codecs, names);
  if (chosen !== undefined) return chosen;
  const known = codecs.flatMap(({ subprotocol }) => (subprotocol === undefined ? [] : `\`${subprotocol}\``));
  return {
    problem:
      known.length === 1
        ? `The only subprotocol here is ${known[0]}; none is the same.`
        : `The subprotocols here are ${known.join(", ")}; none is the same as the first.`,
  };
}

/** What is agreed on where compression is on; undefined: nothing is. */
function deflateFor(
  offers: string | undefined,
  { compression = "off" }: UpgradePolicy,
): DeflateTerms | "malformed" | undefined {
  return compression === "off" || offers === undefined ? undefined : negotiateDeflate(offers, compression);
}

/** A body would be read as WebSocket frames: the bytes that follow the head belong to the new protocol. */
function hasBody(headers: IncomingHttpHeaders): boolean {
  const length = headers["content-length"];
  return headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

function badRequest(message: string): HttpError {
  return { ...errors.badRequest, message };
}

function refuse(
  status: number,
  error: HttpError,
  headers: Readonly<Record<string, string>> = {},
): UpgradeRefusal {
  return { kind: "refuse", status, error, headers };
}
