/**
 * What the front door says to a socket that it turns away: the reasons, their HTTP status and sentence.
 *
 * Rows of one table, as bytes. `Retry-After` is jittered, so that clients that were refused together do not
 * return together.
 */

import { isEventSourceHead, retryAnswer } from "../http/event-source.js";
import { answerBytes } from "../http/http-answer.js";

export type Refused =
  | "limit_connections"
  | "limit_rate"
  | "limit_address"
  | "limit_address_rate"
  | "limit_pending"
  | "limit_silent"
  | "limit_head_bytes"
  | "no_worker"
  | "draining"
  | "slow_head"
  | "big_head"
  | "bad_proxy_header"
  | "not_http"
  | "tls"
  | "not_tls"
  | "bad_version";

interface Row {
  readonly status: string;
  readonly message: string;
}

const ROWS: Readonly<Record<Refused, Row>> = {
  limit_connections: {
    status: "503 Service Unavailable",
    message: "The server holds as many connections as it may.",
  },
  limit_rate: {
    status: "503 Service Unavailable",
    message: "Too many connections are being opened; try again.",
  },
  limit_address: {
    status: "503 Service Unavailable",
    message: "This address holds as many connections as it may.",
  },
  limit_address_rate: {
    status: "503 Service Unavailable",
    message: "This address opens connections too fast; try again.",
  },
  limit_pending: {
    status: "503 Service Unavailable",
    message: "Too many connections are being opened; try again.",
  },
  limit_silent: {
    status: "503 Service Unavailable",
    message: "Too many connections have sent no request yet; try again.",
  },
  limit_head_bytes: {
    status: "503 Service Unavailable",
    message: "The requests that have not come whole hold as many bytes as they may; try again.",
  },
  no_worker: {
    status: "503 Service Unavailable",
    message: "No worker could take the connection; try again.",
  },
  draining: { status: "503 Service Unavailable", message: "This server is going away; try again." },
  slow_head: { status: "408 Request Timeout", message: "The request's head did not arrive in time." },
  big_head: { status: "431 Request Header Fields Too Large", message: "The request's head is too large." },
  bad_proxy_header: { status: "400 Bad Request", message: "The PROXY header is malformed." },
  bad_version: { status: "505 HTTP Version Not Supported", message: "This server speaks HTTP/1.1." },
  not_http: { status: "400 Bad Request", message: "That is not an HTTP/1.1 request." },
  tls: {
    status: "400 Bad Request",
    message: "A TLS handshake came, and this port speaks plain HTTP: use http:// or ws://.",
  },
  not_tls: {
    status: "400 Bad Request",
    message: "This port speaks TLS, and something else came: use https:// or wss://.",
  },
};

/** TLS alerts (RFC 8446 §6): fatal, `internal_error` and `decode_error`. */
const UNAVAILABLE_ALERT = "\x15\x03\x01\0\x02\x02\x50";
const UNREADABLE_ALERT = "\x15\x03\x01\0\x02\x02\x32";

/**
 * What a socket is told on a port that speaks TLS: an alert, since no handshake has been made and none will
 * be. One that began with a request hears the answer to that. Every byte is one of ASCII.
 */
export function tlsAnswer(why: Refused, request: string): string | undefined {
  if (why === "not_tls" || /^[A-Z]+ \//.test(request)) return undefined;
  return ROWS[why].status.startsWith("503") ? UNAVAILABLE_ALERT : UNREADABLE_ALERT;
}

/** What a health check is told while the instance is full: full is not ill. */
export function healthyAnswer(date: string, request: string): string {
  return (
    `HTTP/1.1 200 OK\r\nConnection: close\r\nDate: ${date}\r\nContent-Type: text/plain; charset=utf-8\r\n` +
    `Cache-Control: no-store\r\nContent-Length: 2\r\n\r\n${isHead(request) ? "" : "ok"}`
  );
}

/** Seconds: between one and this many more. */
const RETRY_SPREAD_S = 9;

/** Every reason, for a count that begins at 0. */
export const REFUSED_REASONS = Object.freeze(Object.keys(ROWS)) as readonly Refused[];

/**
 * The whole response. `random` is uniform in [0, 1), `date` the `Date` field; `more` are header lines for the
 * page that asked (front-cors.ts); `request` is what was read of its head, as latin1.
 */
export function frontAnswer(why: Refused, random: number, date: string, more = "", request = ""): string {
  const { status, message } = ROWS[why];
  const code = Number(status.slice(0, 3));
  if (code === 503 && isEventSourceHead(request)) {
    const afterMs = 1000 + Math.floor(random * RETRY_SPREAD_S * 1000);
    const answer = answerBytes(retryAnswer(afterMs, `${why}: ${message}`, {}), date).toString("latin1");
    return answer.replace("\r\n\r\n", () => `\r\n${more}\r\n`);
  }
  const body = `${JSON.stringify({ error: { code, name: why, message } })}\n`;
  const retry = code === 503 ? `Retry-After: ${1 + Math.floor(random * (RETRY_SPREAD_S + 1))}\r\n` : "";
  return (
    `HTTP/1.1 ${status}\r\nConnection: close\r\nDate: ${date}\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n${retry}${more}\r\n${isHead(request) ? "" : body}`
  );
}

/** The answer to such a request has no body. */
function isHead(request: string): boolean {
  return request.startsWith("HEAD ");
}
