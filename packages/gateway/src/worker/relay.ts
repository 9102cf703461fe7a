/**
 * The relay: a request that names another worker's session is answered by that worker.
 *
 * A load balancer sends requests of many clients over one pooled connection, so the worker that a connection was
 * handed to is the right one for its first request at most. Every worker therefore also answers on a Unix socket, named
 * after the owner in the session id; a request for another owner goes there and its answer comes back the same way. An
 * owner that is gone, or is of another instance, has no such socket: then the request is answered here.
 * Invariants: a request is relayed at most once; one that the owner has not begun to answer gets an answer all the same.
 */
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import { errors, type Owner, ownerOf, ownerPrefix } from "@holdfast/protocol";
import { errorAnswer, responseHeaders } from "./http-answer.js";

/** Connections to one other worker; further requests wait for one. */
const MAX_CONNECTIONS = 64;
/** Longer than any answer may take, ms: a held poll is answered sooner. */
const ANSWER_TIMEOUT_MS = 60_000;

/** From the first question mark on: without the anchor a long query of question marks takes quadratic time. */
const SID = /^[^?#]*\?(?:[^#]*&)?sid=([A-Za-z0-9_-]{20})(?:[&#]|$)/;
/** RFC 9110 §7.6.1: about one connection, not about the request. */
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export class Relay {
  readonly #directory: string;
  readonly #owner: Owner;
  readonly #answer: Answer;
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: MAX_CONNECTIONS });

  /** `directory`: where the workers of this instance have their sockets. `answer`: how this one answers. */
  constructor(directory: string, owner: Owner, answer: Answer) {
    this.#directory = directory;
    this.#owner = owner;
    this.#answer = answer;
    this.#server = createServer(answer);
  }

  /** Resolves when other workers can reach this one. */
  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      // Otherwise node:cluster has the primary listen and pass connections on: those on their way when this worker dies
      // would be held there without an answer, and their acknowledgements would be taken for those of hand-offs.
      this.#server.listen({ path: this.#pathOf(this.#owner), exclusive: true }, resolve);
    });
  }

  /** Answers here or there. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    const sid = SID.exec(request.url ?? "")?.[1];
    const owner = sid === undefined ? undefined : ownerOf(sid);
    if (owner === undefined || this.#isUs(owner)) this.#answer(request, response);
    else this.#forward(request, response, owner);
  }

  /** Idempotent. */
  close(): void {
    this.#agent.destroy();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #forward(request: IncomingMessage, response: ServerResponse, owner: Owner): void {
    const there = httpRequest({
      socketPath: this.#pathOf(owner),
      method: request.method,
      path: request.url,
      headers: withoutHops(request.headers),
      agent: this.#agent,
      timeout: ANSWER_TIMEOUT_MS,
    });
    there.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, withoutHops(answer.headers));
      answer.on("error", () => response.destroy());
      answer.pipe(response);
    });
    there.on("timeout", () => there.destroy(new Error("no answer in time")));
    there.on("error", (error: NodeJS.ErrnoException) => {
      if (response.headersSent) response.destroy();
      // Nothing of the body has been read when nobody could be reached.
      else if (error.code === "ENOENT" || error.code === "ECONNREFUSED") this.#answer(request, response);
      else this.#ownerLost(response);
    });
    response.on("close", () => {
      there.destroy();
      // An answer may come before the end of the body, and the rest stands in the way of the next request.
      request.unpipe(there).resume();
    });
    if (hasBody(request)) there.on("socket", (socket) => afterConnect(socket, () => request.pipe(there)));
    else there.end();
  }

  #ownerLost(response: ServerResponse): void {
    const answer = errorAnswer(503, errors.unavailable, { "Retry-After": "1" });
    response.writeHead(answer.status, responseHeaders(answer)).end(answer.body);
  }

  #pathOf(owner: Owner): string {
    return join(this.#directory, ownerPrefix(owner));
  }

  #isUs({ slot, generation }: Owner): boolean {
    return slot === this.#owner.slot && generation === this.#owner.generation;
  }
}

function afterConnect(socket: Socket, then: () => void): void {
  if (socket.connecting) socket.once("connect", then);
  else then();
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

function withoutHops(headers: IncomingMessage["headers"]): IncomingMessage["headers"] {
  const kept = { ...headers };
  for (const name of HOP_BY_HOP) delete kept[name];
  return kept;
}
