/**
 * An HTTP answer as a value, so that what decides it stays pure and either writer can send it: Node's
 * response object, or bytes on a bare socket while an upgrade is being refused.
 */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import { awaitsContinue } from "./request-rules.js";

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined: it has none, and no length, as the answer to HEAD where GET begins a stream. */
  readonly body: string | Buffer | undefined;
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

/** Those statuses have neither body nor length: RFC 9110 §8.6. */
const BARE: ReadonlySet<number> = new Set([204, 304]);

/** The headers that every answer has, its own included, except `Connection` and `Date`. */
export function responseHeaders({ status, headers, body }: HttpAnswer): Record<string, string> {
  return {
    ...headers,
    "X-Content-Type-Options": "nosniff",
    ...(body !== undefined && !BARE.has(status) && { "Content-Length": String(Buffer.byteLength(body)) }),
  };
}

/** Sends the answer by Node's response object, and says of the connection what will become of it. */
export function sendAnswer(response: ServerResponse, answer: HttpAnswer): void {
  const { req } = response;
  const before = answer.headers.Connection ?? response.getHeader("Connection");
  // What its client has not been told to send may never come, and the next request would be taken for it.
  const isOwed = !req.complete && awaitsContinue(req);
  const fate = isOwed ? "close" : before === undefined ? undefined : String(before);
  const connection = withUpgrade(fate, answer);
  response
    .writeHead(answer.status, {
      ...responseHeaders(answer),
      ...(connection !== undefined && { Connection: connection }),
    })
    .end(answer.body);
}

/** The body is about to be read: a client that waits to be asked for it is asked, RFC 9110 §10.1.1. */
export function inviteBody(request: IncomingMessage, response: ServerResponse): void {
  if (!request.complete && awaitsContinue(request)) response.writeContinue();
}

/**
 * The answer as it goes over a bare socket. `headOnly` leaves the body out, as HEAD asks; `connection`: what
 * becomes of it, by default it ends.
 */
export function answerBytes(
  answer: HttpAnswer,
  date: string,
  headOnly = false,
  connection: "close" | "keep-alive" = "close",
): Buffer {
  const { status } = answer;
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
  const headers = { ...responseHeaders(answer), Date: date, Connection: withUpgrade(connection, answer) };
  for (const [name, value] of Object.entries(headers)) head += `${name}: ${value}\r\n`;
  const body = headOnly ? "" : (answer.body ?? "");
  return Buffer.concat([
    Buffer.from(`${head}\r\n`, "latin1"),
    typeof body === "string" ? Buffer.from(body) : body,
  ]);
}

/** RFC 9110 §7.8: `Upgrade` is about the connection, and is named in `Connection`. */
function withUpgrade(connection: string | undefined, { headers }: HttpAnswer): string | undefined {
  if (headers.Upgrade === undefined) return connection;
  return connection === undefined ? "upgrade" : `${connection}, upgrade`;
}
