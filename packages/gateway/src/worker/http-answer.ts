/**
 * An HTTP answer as a value, so that what decides it stays pure and either writer can send it: Node's response
 * object, or bytes on a bare socket while an upgrade is being refused.
 */
import { STATUS_CODES } from "node:http";

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

/** What a peer is told: a row of the protocol's table, or the HTTP status where no row fits. */
export interface HttpError {
  readonly code: number;
  readonly name: string;
  /** One or more sentences for the developer who reads it. */
  readonly message: string;
}

/** `{"error": {…}}` with one readable sentence. */
export function errorAnswer(
  status: number,
  error: HttpError,
  headers: Readonly<Record<string, string>> = {},
): HttpAnswer {
  const { code, name, message } = error;
  return {
    status,
    headers: { "Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store", ...headers },
    body: `${JSON.stringify({ error: { code, name, message } })}\n`,
  };
}

/** The error of a status that is HTTP's own business: `not_found`, `method_not_allowed`. */
export function httpError(status: number, message: string): HttpError {
  const name = (STATUS_CODES[status] ?? "error").toLowerCase().replaceAll(/[^a-z]+/g, "_");
  return { code: status, name, message };
}

/** The headers that every answer has, its own included. A 304 has no length: RFC 9110 §8.6. */
export function responseHeaders(answer: HttpAnswer): Record<string, string> {
  return {
    ...answer.headers,
    "X-Content-Type-Options": "nosniff",
    ...(answer.status !== 304 && { "Content-Length": String(Buffer.byteLength(answer.body)) }),
  };
}

/** The answer as it goes over a bare socket, which ends with it. `headOnly` leaves the body out, as HEAD asks. */
export function answerBytes(answer: HttpAnswer, headOnly = false): Buffer {
  const { status } = answer;
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
  const headers = { ...responseHeaders(answer), Connection: "close" };
  for (const [name, value] of Object.entries(headers)) head += `${name}: ${value}\r\n`;
  const body = headOnly ? "" : answer.body;
  return Buffer.concat([
    Buffer.from(`${head}\r\n`, "latin1"),
    typeof body === "string" ? Buffer.from(body) : body,
  ]);
}
