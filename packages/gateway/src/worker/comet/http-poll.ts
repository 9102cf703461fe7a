/**
 * One poll as a request of Node's HTTP server: held until there is an answer.
 *
 * Invariant: it is answered once, whatever becomes of its session: with what there is, with 409 when a newer
 * poll or transport has taken its place, with 503 when the session ended without a word. What it says of its
 * connection is true when it is said: a drain may have begun while it was held.
 */
import type { ServerResponse } from "node:http";
import type { Core } from "@holdfast/core";
import { withVary } from "../../http/cors.js";
import { type HttpAnswer, sendAnswer } from "../../http/http-answer.js";
import { qualityOf } from "../http/content-coding.js";
import type { PartedBody } from "../http/parted-body.js";
import { droppedAnswer, supersededAnswer } from "../polling/bare-poll.js";
import { ANSWERED } from "../relay/relay-headers.js";
import type { PollTransport } from "./poll-transport.js";
import type { DueHeldPoll } from "./polls.js";

export class HttpPoll implements DueHeldPoll {
  readonly #response: ServerResponse;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #core: Pick<Core, "state">;
  readonly isForwarded: boolean;
  readonly #takesGzip: boolean;
  #transport: PollTransport | undefined;

  /** `headers`: those of the answer that depend on the request. */
  constructor(
    response: ServerResponse,
    headers: Readonly<Record<string, string>>,
    core: Pick<Core, "state">,
  ) {
    this.#response = response;
    this.#core = core;
    // Proven (`relay.ts`): a client that says so itself, behind a proxy, is sent no interim answers.
    this.isForwarded = response.hasHeader(ANSWERED);
    this.#takesGzip = qualityOf(response.req.headers["accept-encoding"], "gzip") > 0;
    // Read already, and more than all else of a request that is held.
    response.req.rawHeaders = [];
    response.req.headers = {};
    this.#headers = headers;
  }

  get destroyed(): boolean {
    return this.#response.writableEnded || this.#response.destroyed;
  }

  heldBy(transport: PollTransport): void {
    if (this.#transport === undefined) this.#response.on("close", () => this.#transport?.lost(this));
    this.#transport = transport;
  }

  sign(): void {
    if (!this.destroyed && !this.#response.headersSent) this.#response.writeProcessing();
  }

  /** Held long enough. */
  destroy(): void {
    this.#transport?.flush(true);
  }

  answer(answer: PartedBody, gzip?: () => Buffer | undefined): void {
    if (this.destroyed) return;
    this.#sayWhetherItCloses();
    const coded = this.#takesGzip ? gzip?.() : undefined;
    const body = coded ?? answer.bytes;
    this.#response
      .writeHead(200, {
        "Content-Type": "application/json; charset=utf-8",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Content-Length": String(body.length),
        ...(coded !== undefined && { "Content-Encoding": "gzip" }),
        ...(gzip === undefined ? this.#headers : withVary(this.#headers, "Accept-Encoding")),
      })
      .end(body);
  }

  supersede(): void {
    this.#give(supersededAnswer(this.#headers));
  }

  drop(): void {
    this.#give(droppedAnswer(this.#headers));
  }

  #give(answer: HttpAnswer): void {
    if (this.destroyed) return;
    this.#sayWhetherItCloses();
    sendAnswer(this.#response, answer);
  }

  #sayWhetherItCloses(): void {
    if (this.#core.state !== "open") this.#response.setHeader("Connection", "close");
  }
}
