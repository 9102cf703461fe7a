/**
 * Comet: the requests of `/sse`, `/send`, `/poll` and `/ticket`.
 *
 * Decides which kind a request is (`decision.ts`), reads its body, and gives it to `stream-requests.ts` or
 * `poll-requests.ts`, or answers it. Joins the parts of the folder. Invariant: every request is answered
 * once, streamed, held, or its socket has a deadline.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type Clock,
  type Core,
  type ForwardedHeaders,
  type Metrics,
  noMetrics,
  TICKET_LIFETIME_S,
} from "@holdfast/core";
import { errors } from "@holdfast/protocol";
import { corsHeaders } from "../../http/cors.js";
import { type HttpAnswer, httpError, inviteBody, sendAnswer } from "../../http/http-answer.js";
import type { RequestHead } from "../../http/incoming-head.js";
import type { AnyWriterIo } from "../../runtime/handle-io.js";
import type { TcpHandle } from "../../runtime/tcp-handle.js";
import { MAX_FORWARDED } from "../http/forwarded-headers.js";
import { readBody } from "../http/request-body.js";
import { SharedGzip } from "../http/shared-gzip.js";
import { ANSWERED } from "../relay/relay-headers.js";
import type { UnfinishedMessages } from "../sockets/unfinished-messages.js";
import { readSend } from "./bodies.js";
import { MAX_CURSOR_LENGTH } from "./cursor.js";
import { type BodyPath, type CometPolicy, cometPath, decideComet, refuse } from "./decision.js";
import { EventStreams } from "./event-streams.js";
import { HttpPoll } from "./http-poll.js";
import { type AskingPoll, PollRequests } from "./poll-requests.js";
import { type PollOptions, Polls } from "./polls.js";
import { SessionOpening, type SessionOpeningParts, whenKnown } from "./session-opening.js";
import { CometSessions } from "./sessions.js";
import { StreamRequests, type TakeOver } from "./stream-requests.js";

export interface CometParts extends SessionOpeningParts {
  readonly core: Pick<Core, "open" | "admit" | "isTokenOf" | "state" | "ticketFor">;
  readonly policy: CometPolicy;
  readonly polls: PollOptions;
  /** Bytes of one message from a client. */
  readonly maxPayload: number;
  /** What is held of bodies that have not come whole. */
  readonly unfinished: UnfinishedMessages;
  readonly clock: Clock;
  /** Whether answers to polls are compressed. Default: they are not. */
  readonly compresses?: boolean;
  readonly metrics?: Pick<Metrics, "add">;
  /** Reads and writes the streams. */
  readonly io?: AnyWriterIo;
}

/** What is known of a request with a body beside the request. */
interface Posted {
  readonly takeOver: TakeOver;
  /** What the application is shown of it. */
  readonly forwarded: ForwardedHeaders | undefined;
  /** Whether the client's own connection is here, and its session may be opened here. */
  readonly isOurs: boolean;
}

const JSON_HEADERS = Object.freeze({
  "Content-Type": "application/json; charset=utf-8",
  "Cache-Control": "no-store",
});

export class Comet {
  readonly #parts: CometParts;
  readonly #sessions = new CometSessions();
  readonly #opening: SessionOpening;
  readonly #streams: EventStreams;
  readonly #polls: Polls;
  readonly #streamRequests: StreamRequests;
  readonly #pollRequests: PollRequests;
  /** Requests whose body is being read. */
  #reading = 0;

  constructor(parts: CometParts) {
    const { core, policy, polls, clock, random, io, compresses = false, metrics = noMetrics } = parts;
    this.#parts = parts;
    this.#opening = new SessionOpening(parts);
    this.#streams = new EventStreams(core, this.#sessions, clock, random, polls.streamSilenceMs, io);
    const gzip = compresses ? new SharedGzip(clock, metrics) : undefined;
    this.#polls = new Polls(core, this.#sessions, polls, clock, gzip);
    this.#streamRequests = new StreamRequests(core, this.#opening, this.#streams, policy);
    this.#pollRequests = new PollRequests(core, this.#opening, this.#polls, policy.maxChannels);
  }

  /** Sockets that are streams, carry a poll that is held, or send a body. */
  get sockets(): number {
    return this.#streams.open + this.#polls.held + this.#reading;
  }

  /**
   * Takes a request that is for one of the comet addresses; false for any other. `relayed`: another worker
   * has sent it.
   */
  handle(request: IncomingMessage, response: ServerResponse, takeOver: TakeOver, relayed = false): boolean {
    const path = cometPath(request);
    if (path === undefined) return false;
    const decision = decideComet(request, path, this.#parts.policy);
    const { forwarded: names } = this.#parts.policy;
    const forwarded = names && this.#opening.forwarded(request.socket.remoteAddress, request, names);
    if (decision.kind === "answer") sendAnswer(response, decision.answer);
    else if (names !== undefined && forwarded === undefined) sendAnswer(response, tooMuchForwarded(request));
    else if (decision.kind === "body") {
      const isOurs = !relayed && !response.hasHeader(ANSWERED);
      this.#read(request, response, decision.path, { takeOver, forwarded, isOurs });
    } else if (decision.kind === "ticket") this.#ticket(request, response, decision.token);
    else this.#streamRequests.byUrl(request, response, decision, { takeOver, forwarded });
    return true;
  }

  /**
   * Takes a bare handle whose request is for a stream by URL: past Node's HTTP parser. Returns what to answer
   * where there is no stream; false for any other request, and for one that may have to wait.
   */
  takeHandle(handle: TcpHandle, head: RequestHead, ended: (() => void) | undefined): boolean | HttpAnswer {
    if (head.method !== "GET" || cometPath(head) !== "/sse") return false;
    return this.#streamRequests.takeHandle(handle, head, ended);
  }

  /** A number for the fan-out to polls that is under way; 0 while there is none. */
  get fanOut(): number {
    return this.#polls.fanOut.number;
  }

  /**
   * What all polls with this head are refused with, past Node's HTTP parser; undefined: their body decides.
   */
  pollRefusal(head: RequestHead): HttpAnswer | undefined {
    const decision = decideComet(head, "/poll", this.#parts.policy);
    if (decision.kind === "answer") return decision.answer;
    const { forwarded: names } = this.#parts.policy;
    const isTooMuch = names !== undefined && this.#opening.forwarded(undefined, head, names) === undefined;
    return isTooMuch ? tooMuchForwarded(head) : undefined;
  }

  /** Answers a poll that came past Node's HTTP parser, or has it held. */
  poll(asking: AskingPoll, body: string): void {
    const { forwarded: names } = this.#parts.policy;
    const forwarded = (): ForwardedHeaders | undefined =>
      names && this.#opening.forwarded(asking.peer(), asking.head, names);
    this.#pollRequests.take(asking, body, { forwarded, isOurs: true });
  }

  /** Ends what is not core's to end. Idempotent. */
  close(): void {
    this.#streams.close();
    this.#polls.close();
    this.#parts.limits.close();
  }

  #ticket(request: IncomingMessage, response: ServerResponse, token: string | undefined): void {
    request.resume();
    if (!this.#opening.mayOpen(request, response, 0)) return;
    whenKnown(this.#opening.authenticate({ token }), (who) => {
      const issued = "error" in who ? who : this.#parts.core.ticketFor(who.identity);
      if ("error" in issued) return sendAnswer(response, this.#opening.refusal(request, issued.error));
      const body = `${JSON.stringify({ ...issued, expiresIn: TICKET_LIFETIME_S })}\n`;
      sendAnswer(response, { status: 200, headers: { ...JSON_HEADERS, ...corsHeaders(request) }, body });
    });
  }

  #read(request: IncomingMessage, response: ServerResponse, path: BodyPath, from: Posted): void {
    const { maxPayload, unfinished } = this.#parts;
    const maxBytes = path === "/poll" ? maxPayload + MAX_CURSOR_LENGTH : maxPayload;
    this.#reading++;
    request.once("close", () => this.#reading--);
    const invite = (): void => inviteBody(request, response);
    readBody(request, { maxBytes, unfinished, headers: corsHeaders(request), invite }, (body) => {
      if (typeof body !== "string") sendAnswer(response, body);
      else if (path === "/sse") this.#streamRequests.byBody(request, response, body, from);
      else if (path === "/send") sendAnswer(response, this.#send(request, body));
      else this.#poll(request, response, body, from);
    });
  }

  #poll(request: IncomingMessage, response: ServerResponse, body: string, from: Posted): void {
    // A poll that is held lets go of its headers.
    const head: RequestHead = { headers: request.headers };
    const asking: AskingPoll = {
      head,
      poll: new HttpPoll(response, corsHeaders(head), this.#parts.core),
      payer: request.socket,
      peer: () => request.socket.remoteAddress,
      send: (answer) => sendAnswer(response, answer),
    };
    this.#pollRequests.take(asking, body, { forwarded: () => from.forwarded, isOurs: from.isOurs });
  }

  #send(request: IncomingMessage, body: string): HttpAnswer {
    const read = readSend(body);
    if (typeof read === "string") return refuse(request, 400, { ...errors.badRequest, message: read }).answer;
    const { sid, token, commands } = read;
    if (!this.#parts.core.isTokenOf(sid, token)) {
      const message = "This token does not prove that the session is yours.";
      return refuse(request, 403, { ...errors.forbidden, message }).answer;
    }
    const session = this.#sessions.get(sid);
    if (session === undefined) {
      const message = "This session is not here, or has ended; connect again.";
      return refuse(request, 404, { ...errors.notConnected, message }).answer;
    }
    session.take(commands);
    return { status: 200, headers: { ...JSON_HEADERS, ...corsHeaders(request) }, body: "{}\n" };
  }
}

function tooMuchForwarded(head: RequestHead): HttpAnswer {
  const message = `Headers for the application may have ${MAX_FORWARDED} characters.`;
  return refuse(head, 431, httpError(431, message)).answer;
}
