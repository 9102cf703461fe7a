/**
 * Comet: the requests of `/sse`, `/send`, `/poll` and `/ticket`.
 *
 * Reads what a request says, asks core, and gives it to the streams or the polls of the worker, or answers it. Holds nothing itself.
 * Invariant: every request is answered once, streamed, held, or its socket has a deadline.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type Clock,
  type Core,
  type ForwardedHeaders,
  type Identity,
  TICKET_LIFETIME_S,
  type Verdict,
} from "@holdfast/core";
import { type ErrorCode, errors } from "@holdfast/protocol";
import type { TcpHandle } from "../../tcp-handle.js";
import { forwardedHeaders, MAX_FORWARDED } from "../forwarded-headers.js";
import { errorAnswer, type HttpAnswer, httpError, responseHeaders } from "../http-answer.js";
import type { UnfinishedMessages } from "../unfinished-messages.js";
import { bearerOf, type RequestHead, refusalFor } from "../upgrade.js";
import { readPoll, readSend } from "./bodies.js";
import { corsHeaders } from "./cors.js";
import { MAX_CURSOR_LENGTH, resumeOf } from "./cursor.js";
import {
  type BodyPath,
  type CometPolicy,
  cometPath,
  decideComet,
  type PlainStream,
  refuse,
} from "./decision.js";
import { EventStreams, type StreamRequest } from "./event-streams.js";
import { HttpPoll } from "./http-poll.js";
import { Introductions } from "./introductions.js";
import { type PollOptions, Polls } from "./polls.js";
import { readBody } from "./request-body.js";
import { CometSessions } from "./sessions.js";

export interface CometParts {
  readonly core: Pick<Core, "open" | "admit" | "introduce" | "isTokenOf" | "redeem" | "ticketFor">;
  readonly policy: CometPolicy;
  readonly polls: PollOptions;
  /** Bytes of one message from a client. */
  readonly maxPayload: number;
  /** What is held of bodies that have not come whole. */
  readonly unfinished: UnfinishedMessages;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Takes the socket of a request out of HTTP, once everything before it has been answered. */
export type TakeOver = (
  request: IncomingMessage,
  response: ServerResponse,
  then: (handle: TcpHandle, ended: (() => void) | undefined) => void,
) => void;

/** A cursor's channels are told of one by one. */
const NO_CHANNELS: readonly string[] = Object.freeze([]);

export class Comet {
  readonly #parts: CometParts;
  readonly #sessions = new CometSessions();
  readonly #streams: EventStreams;
  readonly #polls: Polls;
  readonly #who: Introductions;
  /** Requests whose body is being read. */
  #reading = 0;

  constructor(parts: CometParts) {
    const { core, polls, clock, random } = parts;
    this.#parts = parts;
    this.#streams = new EventStreams(core, this.#sessions, clock, random);
    this.#who = new Introductions(core);
    this.#polls = new Polls(core, this.#sessions, polls, clock);
  }

  /** Sockets that are streams, carry a poll that is held, send a body, or wait until it is known whose they are. */
  get sockets(): number {
    return this.#streams.open + this.#polls.held + this.#reading + this.#who.waiting;
  }

  /** Takes a request that is for one of the comet addresses; false for any other. */
  handle(request: IncomingMessage, response: ServerResponse, takeOver: TakeOver): boolean {
    const path = cometPath(request);
    if (path === undefined) return false;
    const decision = decideComet(request, path, this.#parts.policy);
    const { forwarded: names } = this.#parts.policy;
    const forwarded = names && forwardedHeaders(request.headers, names);
    if (decision.kind === "answer") send(response, decision.answer);
    else if (names !== undefined && forwarded === undefined) {
      const message = `Headers for the application may have ${MAX_FORWARDED} characters.`;
      send(response, refuse(request, 431, httpError(431, message)).answer);
    } else if (decision.kind === "body") this.#read(request, response, decision.path, takeOver);
    else if (decision.kind === "ticket") this.#ticket(request, response, decision.token);
    else
      this.#who.reader(decision, forwarded, (who) => {
        const stream = this.#plainStream(request, decision, who);
        if ("status" in stream) send(response, stream);
        else takeOver(request, response, (handle, ended) => this.#streams.accept(handle, stream, ended));
      });
    return true;
  }

  /**
   * Takes a bare handle whose request is for a stream by URL: past Node's HTTP parser. Returns what to answer where there is no
   * stream; false for any other request, and for one that may have to wait: for its token to be checked, or for the application.
   */
  takeHandle(handle: TcpHandle, head: RequestHead, ended: (() => void) | undefined): boolean | HttpAnswer {
    if (head.method !== "GET" || cometPath(head) !== "/sse") return false;
    const decision = decideComet(head, "/sse", this.#parts.policy);
    if (decision.kind === "answer") return decision.answer;
    const { forwarded } = this.#parts.policy;
    if (decision.kind !== "stream" || forwarded !== undefined) return false;
    if (decision.token !== undefined || decision.ticket !== undefined) return false;
    const who = this.#parts.core.introduce(undefined, undefined, resumeOf(decision.cursor));
    if (who instanceof Promise) return false;
    const stream = this.#plainStream(head, decision, who);
    if ("status" in stream) return stream;
    this.#streams.accept(handle, stream, ended);
    return true;
  }

  /** Ends what is not core's to end. Idempotent. */
  close(): void {
    this.#streams.close();
    this.#polls.close();
  }

  #plainStream(
    head: RequestHead,
    { channels, encoding, cursor }: PlainStream,
    who: Verdict,
  ): StreamRequest | HttpAnswer {
    const problem = this.#parts.core.admit(channels, who);
    if (problem !== undefined) return this.#refusal(head, problem);
    const identity = "identity" in who ? who.identity : undefined;
    return {
      encoding,
      ids: identity?.user !== undefined ? "proven" : channels.length === 1 ? "shared" : "own",
      url: {
        channels,
        since: cursor?.positions,
        resume: resumeOf(cursor),
        mayComeBack: encoding !== "raw",
      },
      identity,
      commands: undefined,
      headers: corsHeaders(head),
    };
  }

  #ticket(request: IncomingMessage, response: ServerResponse, token: string | undefined): void {
    request.resume();
    this.#who.introduce(token, undefined, undefined, (who) => {
      const issued = "error" in who ? who : this.#parts.core.ticketFor(who.identity);
      if ("error" in issued) return send(response, this.#refusal(request, issued.error));
      const body = `${JSON.stringify({ ...issued, expiresIn: TICKET_LIFETIME_S })}\n`;
      send(response, { status: 200, headers: { ...JSON_HEADERS, ...corsHeaders(request) }, body });
    });
  }

  /** Who connects by commands: without a token in the head, `connect` says who it is. */
  #introduceSpeaker(
    head: RequestHead,
    response: ServerResponse,
    then: (identity: Identity | undefined) => void,
  ): void {
    const token = bearerOf(head.headers.authorization);
    if (token === undefined) return then(undefined);
    this.#who.introduce(token, undefined, undefined, (who) => {
      // Where no keys check it the application may: `connect` asks.
      if ("error" in who && who.error === errors.unauthorized) then(undefined);
      else if ("error" in who) send(response, this.#refusal(head, who.error));
      else then(who.identity);
    });
  }

  #read(request: IncomingMessage, response: ServerResponse, path: BodyPath, takeOver: TakeOver): void {
    const { maxPayload, unfinished } = this.#parts;
    const maxBytes = path === "/poll" ? maxPayload + MAX_CURSOR_LENGTH : maxPayload;
    this.#reading++;
    request.once("close", () => this.#reading--);
    readBody(request, { maxBytes, unfinished }, (body) => {
      if (typeof body !== "string") send(response, body);
      else if (path === "/sse") this.#stream(request, response, body, takeOver);
      else if (path === "/send") send(response, this.#send(request, body));
      else this.#poll(request, response, body);
    });
  }

  #stream(request: IncomingMessage, response: ServerResponse, commands: string, takeOver: TakeOver): void {
    if (commands === "") {
      const message = "The body has frames of the protocol, of which the first is `connect`.";
      return send(response, refuse(request, 400, { ...errors.badRequest, message }).answer);
    }
    this.#introduceSpeaker(request, response, (identity) => {
      const problem = this.#parts.core.admit();
      if (problem !== undefined) return send(response, this.#refusal(request, problem));
      const stream: StreamRequest = {
        encoding: "objects",
        ids: "none",
        url: undefined,
        identity,
        forwarded: this.#forwarded(request),
        commands,
        headers: corsHeaders(request),
      };
      takeOver(request, response, (handle, ended) => this.#streams.accept(handle, stream, ended));
    });
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

  #poll(request: IncomingMessage, response: ServerResponse, body: string): void {
    const read = readPoll(body, this.#parts.policy.maxChannels);
    if (typeof read === "string")
      return send(response, refuse(request, 400, { ...errors.badRequest, message: read }).answer);
    // A poll that is held lets go of its headers.
    const head: RequestHead = { headers: request.headers };
    const poll = new HttpPoll(response, corsHeaders(head));
    const outcome = this.#polls.goOn(read, poll);
    if (outcome === "foreign") {
      const message = "This cursor is not one of that session's.";
      return send(response, refuse(head, 403, { ...errors.forbidden, message }).answer);
    }
    if (outcome === "held") return;
    const open = (identity: Identity | undefined, problem: ErrorCode | undefined): void => {
      if (problem !== undefined) send(response, this.#refusal(head, problem));
      else this.#polls.open(read, identity, poll, this.#forwarded(head));
    };
    const { core } = this.#parts;
    const { cursor, channels = cursor && NO_CHANNELS } = read;
    if (channels === undefined)
      return this.#introduceSpeaker(head, response, (identity) => open(identity, core.admit()));
    this.#who.introduce(
      bearerOf(head.headers.authorization),
      this.#forwarded(head),
      resumeOf(cursor),
      (who) =>
        open("identity" in who ? who.identity : undefined, core.admit(cursor ? NO_CHANNELS : channels, who)),
    );
  }

  /** What the application is shown of the request; its size was looked at before. */
  #forwarded({ headers }: RequestHead): ForwardedHeaders | undefined {
    const { forwarded } = this.#parts.policy;
    return forwarded && forwardedHeaders(headers, forwarded);
  }

  #refusal(head: RequestHead, error: ErrorCode): HttpAnswer {
    const { status, error: row, headers } = refusalFor(error, this.#parts.random());
    return errorAnswer(status, row, { ...corsHeaders(head), ...headers });
  }
}

const JSON_HEADERS = Object.freeze({
  "Content-Type": "application/json; charset=utf-8",
  "Cache-Control": "no-store",
});

function send(response: ServerResponse, answer: HttpAnswer): void {
  response.writeHead(answer.status, responseHeaders(answer)).end(answer.body);
}
