/**
 * The admin port: health, metrics and the API for operators and backends. On loopback unless a key is set.
 *
 * Its connections, requests and bodies are bounded (`connections.ts`), what one connection has under way and
 * leaves unread too (`Exchanges`). Knows HTTP and JSON; what can be asked is a table of handlers (api.ts). A
 * wrong request gets a 4xx with a sentence, ours a 5xx without details. Invariant: no body larger than
 * `maxBodyBytes` is held, no request arrives for longer than `REQUEST_TIMEOUT_MS`.
 */
import {
  createServer,
  type IncomingMessage,
  maxHeaderSize,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { type Clock, type Logger, suggestion, systemClock } from "@holdfast/core";
import { exceedsDepth, MAX_DEPTH } from "@holdfast/protocol";
import { DateField } from "../../http/date-field.js";
import type { Exchanges } from "../../http/exchanges.js";
import { answerBytes, type HttpAnswer, inviteBody, sendAnswer } from "../../http/http-answer.js";
import { DOCUMENTED_PARSER, INTERNAL_PARSER } from "../../http/parser-control.js";
import { awaitsContinue, MAX_HEADERS, settleRequest } from "../../http/request-rules.js";
import { type StopEvents, StoppedParsers } from "../../http/stopped-parsers.js";
import { takesGzip, ZippedAnswers } from "../../http/zipped-answers.js";
import { SecureHttpServer } from "../../tls/secure-http-server.js";
import type { TlsMaterial } from "../../tls/tls-material.js";
import { adminRefusal, isOctets, isProbe } from "./access.js";
import { AdminConnections } from "./connections.js";
import type { AdminOptions } from "./options.js";
import type { AdminPages } from "./pages.js";
import type { AdminSessions } from "./sessions.js";

/** What an endpoint answers. A string body is plain text, anything else JSON. */
export interface AdminAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body is the same object for several requests, and zipped once for those that take it so. */
  readonly isShared?: boolean;
}

/**
 * Carries out one request; `body` is the parsed JSON of a POST and `text` its text, `query` what the URL
 * asks, `traceparent` the header of that name as it came.
 */
export type AdminHandler = (
  body: unknown,
  query: URLSearchParams,
  text: string,
  traceparent?: string,
) => AdminAnswer | Promise<AdminAnswer>;

/** Carries out a request whose body is bytes; `query` says what they are for. */
export type BytesHandler = (body: Uint8Array, query: URLSearchParams) => AdminAnswer | Promise<AdminAnswer>;

/** Is told of requests; its line is written when the answer has been sent. See audit.ts. */
export interface RequestAudit {
  /** What it returns is told the body, where that is JSON; of bytes what the query says. */
  begin(route: string, request: IncomingMessage, response: ServerResponse): (body: unknown) => void;
}

/** What stands beside the routes. Default: none of them. */
export interface AdminExtras {
  readonly audit?: RequestAudit;
  /** By route: what takes a body of `application/octet-stream`, beside that of JSON. */
  readonly bytes?: Readonly<Record<string, BytesHandler>>;
  readonly pages?: AdminPages;
  /** Without them there is one key, and no browser has a session. */
  readonly sessions?: AdminSessions;
  /** What connections shake hands with first. Default: they speak plain HTTP. */
  readonly tls?: TlsMaterial | undefined;
}

/** Handlers by method and path, such as `"POST /api/publish"`. */
export type AdminRoutes = Readonly<Record<string, AdminHandler>>;

/**
 * Bytes of bodies that have not come whole, of all connections together; two of the largest have room in any
 * case.
 */
const MAX_HELD_BYTES = 64 * 1024 * 1024;
/** How long nothing may pass on a connection while it is answered, ms. */
const SILENCE_TIMEOUT_MS = 30_000;
/** How long a request may take to arrive, to the next check. Node looks every 30 s unless told otherwise. */
const REQUEST_TIMEOUT_MS = 10_000;
const CHECK_INTERVAL_MS = 1_000;
/** Data nests as deep as in a frame; around it are the body and a batch. */
const MAX_BODY_DEPTH = MAX_DEPTH + 4;
/** Characters of a path that is not known, in the answer. */
const MAX_PATH_SHOWN = 100;

/** The answer to a request that cannot be carried out. */
export function adminError(status: number, name: string, message: string): AdminAnswer {
  return { status, body: { error: { name, message } } };
}

const NO_TUNNELS = adminError(501, "not_implemented", "This is no proxy.");
const NO_TLS = adminError(400, "bad_request", "This port speaks TLS, and something else came: use https://.");
const CLOSE = Object.freeze({ Connection: "close" });

const BUSY: AdminAnswer = Object.freeze({
  ...adminError(503, "busy", "The admin port has as much to do as it may; try again in a second."),
  headers: Object.freeze({ "Retry-After": "1" }),
});

export class AdminServer {
  readonly #options: AdminOptions;
  readonly #routes: AdminRoutes;
  readonly #maxBodyBytes: number;
  readonly #logger: Logger;
  readonly #exchanges: Exchanges;
  readonly #server: Server;
  readonly #connections: AdminConnections;
  readonly #extras: AdminExtras;
  readonly #tls: SecureHttpServer | undefined;
  readonly #zipped = new ZippedAnswers();

  /**
   * Takes ownership of `exchanges`. `refused` is told of each connection and request that was one too many.
   */
  constructor(
    options: AdminOptions,
    routes: AdminRoutes,
    maxBodyBytes: number,
    logger: Logger,
    exchanges: Exchanges,
    refused: () => void = () => {},
    clock: Pick<Clock, "now"> = systemClock,
    extras: AdminExtras = {},
  ) {
    this.#extras = extras;
    const date = new DateField(clock);
    this.#options = options;
    this.#exchanges = exchanges;
    this.#routes = routes;
    this.#maxBodyBytes = maxBodyBytes;
    this.#logger = logger;
    this.#connections = new AdminConnections(
      options.maxConnections,
      Math.max(MAX_HELD_BYTES, 2 * maxBodyBytes),
      refused,
    );
    const timeouts = { requestTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: CHECK_INTERVAL_MS };
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      if (stopped.isLast(request.socket)) response.shouldKeepAlive = false;
      if (!exchanges.begin(request, response, (socket) => stopped.idle(socket))) return;
      this.#handle(request, response).catch((error: unknown) => {
        if (request.destroyed && !request.complete) return; // the peer left in the middle of its body
        logger.error({ err: error, path: request.url }, "an admin request failed");
        send(response, adminError(500, "internal", "The request failed; the log says why."));
      });
    };
    // Beside HTTP's response object: answers to what is no request of ours.
    const turnAway = (socket: Duplex, answer: AdminAnswer): void => {
      if (!socket.writable) return void socket.destroy();
      const bytes = answerBytes(httpAnswer(answer), date.now);
      exchanges.turnedAway(socket, bytes.length);
      socket.on("error", () => socket.destroy());
      socket.end(bytes);
      socket.resume();
    };
    // What Node answers by itself (no Host, an Expect) it would not count.
    const httpOptions = { ...timeouts, requireHostHeader: false };
    this.#tls =
      extras.tls &&
      new SecureHttpServer(extras.tls, httpOptions, REQUEST_TIMEOUT_MS, {
        opened: (connection) => this.#connections.opened(connection),
        turnAway: (connection) => turnAway(connection, NO_TLS),
      });
    this.#server = (this.#tls?.server ?? createServer(httpOptions))
      .on("request", answer)
      .on("checkContinue", answer)
      .on("checkExpectation", answer)
      .on("connect", (_request, socket: Duplex) => turnAway(socket, NO_TUNNELS));
    const stopEvents: StopEvents = {
      turnAway: (socket, { status, message }) =>
        turnAway(socket, adminError(status, status === 501 ? "not_implemented" : "bad_request", message)),
      renewed: (socket) => this.#connections.left(socket),
    };
    // A secure socket has no handle that another one could go on with.
    const parser = this.#tls === undefined ? INTERNAL_PARSER : DOCUMENTED_PARSER;
    const stopped = new StoppedParsers(this.#server, exchanges, maxHeaderSize, stopEvents, parser);
    this.#server.maxHeadersCount = MAX_HEADERS + 1;
    if (this.#tls === undefined) this.#server.on("connection", (socket) => this.#connections.opened(socket));
    // A peer that does not read its answer.
    this.#server.setTimeout(SILENCE_TIMEOUT_MS);
  }

  /** Resolves with the port once it listens; rejects with the system's error, such as EADDRINUSE. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#options.port, this.#options.host, () => resolve());
    });
    this.#server.on("error", (error) => this.#logger.error({ err: error }, "admin port"));
    return (this.#server.address() as AddressInfo).port;
  }

  /** TLS handshakes that begin from now on take these certificates. */
  renewTls(material: TlsMaterial): void {
    this.#tls?.renew(material);
  }

  /** Stops listening and ends what is open. Idempotent. */
  async close(): Promise<void> {
    this.#exchanges.close();
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => this.#server.once("close", resolve));
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!response.hasHeader("Connection"))
      response.setHeader("Connection", response.shouldKeepAlive ? "keep-alive" : "close");
    const problem = settleRequest(request);
    if (problem !== undefined) {
      const answer = adminError(problem.status, "bad_request", problem.message);
      return send(response, { ...answer, headers: CLOSE });
    }
    const method = request.method === "HEAD" ? "GET" : (request.method ?? "GET");
    const [path = "/", query] = (request.url ?? "/").split(/\?(.*)/s);
    const route = `${method} ${path}`;
    const { audit, bytes = {}, pages, sessions } = this.#extras;
    const page = pages?.answer(route, request.headers);
    if (page !== undefined) return sendAnswer(response, page);
    const audited = audit?.begin(route, request, response);
    const ofBytes = Object.hasOwn(bytes, route) ? bytes[route] : undefined;
    const refusal = adminRefusal(route, request.headers, this.#options.key, sessions, ofBytes !== undefined);
    if (refusal !== undefined) return send(response, adminError(refusal.status, "refused", refusal.message));
    const handler = Object.hasOwn(this.#routes, route) ? this.#routes[route] : undefined;
    if (handler === undefined) return send(response, this.#unknown(path));
    const body =
      method === "POST"
        ? await readBody(request, response, this.#maxBodyBytes, (bytes) => this.#connections.holds(bytes))
        : Buffer.alloc(0);
    if (body === "crowded") return send(response, BUSY);
    if (body === undefined) {
      return send(response, adminError(413, "too_big", `A body has at most ${this.#maxBodyBytes} bytes.`));
    }
    const params = new URLSearchParams(query);
    const isBytes = ofBytes !== undefined && isOctets(request.headers);
    const parsed = method === "POST" && !isBytes ? parseJson(body) : { value: undefined, text: "" };
    if ("problem" in parsed) return send(response, adminError(400, "bad_request", parsed.problem));
    audited?.(isBytes ? Object.fromEntries(params) : parsed.value);
    const socket = this.#tls?.connectionOf(request.socket) ?? request.socket;
    const probe = isProbe(route);
    if (!this.#connections.began(socket, probe)) return send(response, BUSY);
    response.once("close", () => this.#connections.ended(socket, probe));
    const traceparent = request.headers.traceparent?.toString();
    const answer = isBytes ? ofBytes(body, params) : handler(parsed.value, params, parsed.text, traceparent);
    send(response, await answer, takesGzip(request.headers) ? this.#zipped : undefined);
  }

  #unknown(path: string): AdminAnswer {
    const routes = Object.keys(this.#routes);
    const methods = routes.filter((route) => route.endsWith(` ${path}`)).map((route) => route.split(" ")[0]);
    if (methods.length > 0) {
      const allowed = methods.includes("GET") ? [...methods, "HEAD"] : methods;
      const answer = adminError(405, "bad_method", `Use ${methods.join(" or ")} ${path}.`);
      return { ...answer, headers: { Allow: allowed.join(", ") } };
    }
    const paths = [...new Set(routes.map((route) => route.split(" ")[1] ?? ""))];
    const near = suggestion(path.slice(0, MAX_PATH_SHOWN), paths);
    const message = `There is no ${path.slice(0, MAX_PATH_SHOWN)}${near}. There are: ${paths.join(", ")}.`;
    return adminError(404, "not_found", message);
  }
}

/**
 * Undefined when it is too big: that is read to its end too, because leaving would reset away the answer.
 * `holds` is told of what is held, and let go of, of it.
 */
async function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  maxBytes: number,
  holds: (bytes: number) => boolean,
): Promise<Buffer | "crowded" | undefined> {
  // Where it has not been sent yet, it need not be.
  if (awaitsContinue(request) && Number(request.headers["content-length"] ?? 0) > maxBytes) return undefined;
  inviteBody(request, response);
  const chunks: Buffer[] = [];
  let bytes = 0;
  let held = 0;
  let isCrowded = false;
  // What is carried out is held until it was answered.
  response.once("close", () => holds(-held));
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= maxBytes && !isCrowded) {
      chunks.push(chunk);
      held += chunk.length;
      isCrowded = !holds(chunk.length);
    }
    if (bytes > maxBytes || isCrowded) {
      chunks.length = 0;
      holds(-held);
      held = 0;
    }
  }
  if (bytes > maxBytes) return undefined;
  return isCrowded ? "crowded" : Buffer.concat(chunks);
}

function parseJson(
  bytes: Buffer,
): { readonly value: unknown; readonly text: string } | { readonly problem: string } {
  if (bytes.length === 0)
    return { problem: 'The body is empty: send JSON, such as {"channel": "news", "data": 1}.' };
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return { problem: "The body is not UTF-8." };
  }
  // Deeper values would cost recursion wherever they are written again.
  if (exceedsDepth(text, MAX_BODY_DEPTH))
    return { problem: `The body nests deeper than ${MAX_BODY_DEPTH} objects and lists.` };
  try {
    return { value: JSON.parse(text), text };
  } catch (error) {
    return { problem: `The body is not JSON: ${error instanceof Error ? error.message : String(error)}.` };
  }
}

/** `zipped`: where the client takes gzip. */
function send(response: ServerResponse, answer: AdminAnswer, zipped?: ZippedAnswers): void {
  if (!response.headersSent) sendAnswer(response, httpAnswer(answer, zipped));
}

function httpAnswer(
  { status, body, contentType, headers, isShared = false }: AdminAnswer,
  zipped?: ZippedAnswers,
): HttpAnswer {
  const plain = typeof body === "string";
  const text = (): string => (plain ? body : `${JSON.stringify(body)}\n`);
  const isZipped = isShared && zipped !== undefined && typeof body === "object" && body !== null;
  return {
    status,
    headers: {
      "Content-Type": contentType ?? (plain ? "text/plain; charset=utf-8" : "application/json"),
      "Cache-Control": "no-store",
      ...(isShared && { Vary: "Accept-Encoding" }),
      ...(isZipped && { "Content-Encoding": "gzip" }),
      ...headers,
    },
    body: isZipped ? zipped.of(body, text) : text(),
  };
}
