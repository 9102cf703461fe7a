/**
 * Comet: the requests of `/sse`, `/send`, `/poll` and `/ticket`.
 *
 * Reads what a request says, asks core, and gives it to the streams or the polls of the worker, or answers
 * it. Holds nothing itself. Invariants: every request is answered once, streamed, held, or its socket has a
 * deadline; a session is opened by the worker that has the client's own connection, and is charged to it and
 * to its address before anything is done for it.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type Clock,
  type Core,
  codecs,
  type ForwardedHeaders,
  type Identity,
  TICKET_LIFETIME_S,
  type Verdict,
} from "@holdfast/core";
import { type ErrorCode, errors } from "@holdfast/protocol";
import { corsHeaders } from "../../http/cors.js";
import { isEventSource, retryAnswer } from "../../http/event-source.js";
import { errorAnswer, type HttpAnswer, httpError, inviteBody, sendAnswer } from "../../http/http-answer.js";
import type { RequestHead } from "../../http/incoming-head.js";
import { type HandleIo, peerOf, type TcpHandle } from "../../runtime/tcp-handle.js";
import type { ClientAddress, ClientAddresses } from "../http/client-addresses.js";
import { forwardedHeaders, MAX_FORWARDED, withAddress } from "../http/forwarded-headers.js";
import {
  bearerOf,
  type CommandsVerdict,
  type RequestAuthentication,
} from "../http/request-authentication.js";
import { readBody } from "../http/request-body.js";
import { refusalFor } from "../http/upgrade.js";
import { ANSWERED } from "../relay/relay-requests.js";
import type { UnfinishedMessages } from "../sockets/unfinished-messages.js";
import { readPoll, readSend } from "./bodies.js";
import { MAX_CURSOR_LENGTH, resumeOf } from "./cursor.js";
import {
  type BodyPath,
  type CometPolicy,
  cometPath,
  decideComet,
  type PlainStream,
  refuse,
} from "./decision.js";
import { EventStreams, RETRY_MS, RETRY_SPREAD_MS, type StreamRequest } from "./event-streams.js";
import { HttpPoll } from "./http-poll.js";
import { type PollOptions, Polls } from "./polls.js";
import type { SessionLimits } from "./session-limits.js";
import { CometSessions } from "./sessions.js";

export interface CometParts {
  readonly core: Pick<Core, "open" | "admit" | "isTokenOf" | "state" | "ticketFor">;
  readonly authentication: RequestAuthentication;
  readonly policy: CometPolicy;
  readonly polls: PollOptions;
  /** Bytes of one message from a client. */
  readonly maxPayload: number;
  /** What is held of bodies that have not come whole. */
  readonly unfinished: UnfinishedMessages;
  readonly clients: ClientAddresses;
  readonly limits: SessionLimits;
  readonly clock: Clock;
  readonly random: () => number;
  /** Reads and writes the streams. */
  readonly io?: HandleIo;
}

/** Takes the socket of a request out of HTTP, once everything before it has been answered. */
export type TakeOver = (
  request: IncomingMessage,
  response: ServerResponse,
  then: (handle: TcpHandle, ended: (() => void) | undefined) => void,
) => void;

/** What is known of a request with a body beside the request. */
interface Posted {
  readonly takeOver: TakeOver;
  /** What the application is shown of it. */
  readonly forwarded: ForwardedHeaders | undefined;
  /** Whether the client's own connection is here, and its session may be opened here. */
  readonly isOurs: boolean;
}

/** A cursor's channels are told of one by one. */
const NO_CHANNELS: readonly string[] = Object.freeze([]);

export class Comet {
  readonly #parts: CometParts;
  readonly #sessions = new CometSessions();
  readonly #streams: EventStreams;
  readonly #polls: Polls;
  /** Requests whose body is being read. */
  #reading = 0;

  constructor(parts: CometParts) {
    const { core, polls, clock, random, io } = parts;
    this.#parts = parts;
    this.#streams = new EventStreams(core, this.#sessions, clock, random, polls.streamSilenceMs, io);
    this.#polls = new Polls(core, this.#sessions, polls, clock);
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
    const forwarded = names && this.#forwarded(request, names);
    if (decision.kind === "answer") sendAnswer(response, decision.answer);
    else if (names !== undefined && forwarded === undefined) {
      const message = `Headers for the application may have ${MAX_FORWARDED} characters.`;
      sendAnswer(response, refuse(request, 431, httpError(431, message)).answer);
    } else if (decision.kind === "body") {
      const isOurs = !relayed && !response.hasHeader(ANSWERED);
      this.#read(request, response, decision.path, { takeOver, forwarded, isOurs });
    } else if (decision.kind === "ticket") this.#ticket(request, response, decision.token);
    else if (this.#mayOpen(request, response, decision.channels.length)) {
      const { token, ticket, cursor } = decision;
      const proofs = { token, ticket, resume: resumeOf(cursor), forwarded };
      whenKnown(this.#parts.authentication.authenticate(proofs), (who) => {
        const stream = this.#plainStream(request, decision, who);
        if ("status" in stream) sendAnswer(response, stream);
        else takeOver(request, response, (handle, ended) => this.#streams.accept(handle, stream, ended));
      });
    }
    return true;
  }

  /**
   * Takes a bare handle whose request is for a stream by URL: past Node's HTTP parser. Returns what to answer
   * where there is no stream; false for any other request, and for one that may have to wait: for its token
   * to be checked, or for the application.
   */
  takeHandle(handle: TcpHandle, head: RequestHead, ended: (() => void) | undefined): boolean | HttpAnswer {
    if (head.method !== "GET" || cometPath(head) !== "/sse") return false;
    const decision = decideComet(head, "/sse", this.#parts.policy);
    if (decision.kind === "answer") return decision.answer;
    const { forwarded } = this.#parts.policy;
    if (decision.kind !== "stream" || forwarded !== undefined) return false;
    if (decision.token !== undefined || decision.ticket !== undefined) return false;
    const who = this.#parts.authentication.authenticate({ resume: resumeOf(decision.cursor) });
    if (who instanceof Promise) return false;
    const { clients, limits } = this.#parts;
    // The connection ends with the stream.
    const problem = limits.open(
      clients.of(peerOf(handle), head.headers),
      undefined,
      decision.channels.length,
    );
    if (problem !== undefined) return this.#refusal(head, problem);
    const stream = this.#plainStream(head, decision, who);
    if ("status" in stream) return stream;
    this.#streams.accept(handle, stream, ended);
    return true;
  }

  /** Ends what is not core's to end. Idempotent. */
  close(): void {
    this.#streams.close();
    this.#polls.close();
    this.#parts.limits.close();
  }

  /** Charges the session that a request opens; false: it has been refused. */
  #mayOpen(
    request: IncomingMessage,
    response: ServerResponse,
    channels: number,
    head: RequestHead = request,
    client = this.#clientOf(request),
  ): boolean {
    const problem = this.#parts.limits.open(client, request.socket, channels);
    if (problem !== undefined) sendAnswer(response, this.#refusal(head, problem));
    return problem === undefined;
  }

  #clientOf({ socket, headers }: IncomingMessage): ClientAddress {
    return this.#parts.clients.of(socket.remoteAddress, headers);
  }

  #plainStream(
    head: RequestHead,
    { channels, codec, cursor }: PlainStream,
    who: Verdict,
  ): StreamRequest | HttpAnswer {
    const problem = this.#parts.core.admit(channels, who);
    if (problem !== undefined) return this.#refusal(head, problem);
    const identity = identityOf(who);
    return {
      codec,
      ids: identity?.user !== undefined ? "proven" : channels.length === 1 ? "shared" : "own",
      url: {
        channels,
        since: cursor?.positions,
        resume: resumeOf(cursor),
        mayComeBack: !codec.dialect.isDataOnly,
      },
      identity,
      commands: undefined,
      headers: corsHeaders(head),
    };
  }

  #ticket(request: IncomingMessage, response: ServerResponse, token: string | undefined): void {
    request.resume();
    if (!this.#mayOpen(request, response, 0)) return;
    whenKnown(this.#parts.authentication.authenticate({ token }), (who) => {
      const issued = "error" in who ? who : this.#parts.core.ticketFor(who.identity);
      if ("error" in issued) return sendAnswer(response, this.#refusal(request, issued.error));
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
      else if (path === "/sse") this.#stream(request, response, body, from);
      else if (path === "/send") sendAnswer(response, this.#send(request, body));
      else this.#poll(request, response, body, from);
    });
  }

  #stream(
    request: IncomingMessage,
    response: ServerResponse,
    commands: string,
    { takeOver, forwarded }: Posted,
  ): void {
    if (commands === "") {
      const message = "The body has frames of the protocol, of which the first is `connect`.";
      return sendAnswer(response, refuse(request, 400, { ...errors.badRequest, message }).answer);
    }
    if (!this.#mayOpen(request, response, 0)) return;
    whenKnown(this.#authenticateCommands(request), (who) => {
      const problem = "error" in who ? who.error : this.#parts.core.admit();
      if (problem !== undefined) return sendAnswer(response, this.#refusal(request, problem));
      const stream: StreamRequest = {
        codec: codecs.objects,
        ids: "none",
        url: undefined,
        identity: identityOf(who),
        forwarded,
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

  #poll(
    request: IncomingMessage,
    response: ServerResponse,
    body: string,
    { forwarded, isOurs }: Posted,
  ): void {
    const read = readPoll(body, this.#parts.policy.maxChannels);
    if (typeof read === "string")
      return sendAnswer(response, refuse(request, 400, { ...errors.badRequest, message: read }).answer);
    // A poll that is held lets go of its headers.
    const head: RequestHead = { headers: request.headers };
    const client = this.#clientOf(request);
    const poll = new HttpPoll(response, corsHeaders(head), this.#parts.core);
    const outcome = this.#polls.goOn(read, poll);
    if (outcome === "foreign") {
      const message = "This cursor is not one of that session's.";
      return sendAnswer(response, refuse(head, 403, { ...errors.forbidden, message }).answer);
    }
    if (outcome === "held") return;
    // The instance that sent it has the client's connection, and answers it there.
    if (!isOurs) return sendAnswer(response, this.#refusal(head, errors.unavailable));
    const count = read.channels?.length ?? read.cursor?.positions.size ?? 0;
    if (!this.#mayOpen(request, response, count, head, client)) return;
    const open = (who: CommandsVerdict, refused: ErrorCode | undefined): void => {
      const problem = refused ?? ("error" in who ? who.error : undefined);
      if (problem !== undefined) sendAnswer(response, this.#refusal(head, problem));
      else this.#polls.open(read, identityOf(who), poll, forwarded, this.#parts.limits.hold(client));
    };
    const { core, authentication } = this.#parts;
    const { cursor, channels = cursor && NO_CHANNELS } = read;
    if (channels === undefined)
      return whenKnown(this.#authenticateCommands(head), (who) =>
        open(who, "error" in who ? who.error : core.admit()),
      );
    const proofs = { token: bearerOf(head.headers.authorization), forwarded, resume: resumeOf(cursor) };
    whenKnown(authentication.authenticate(proofs), (who) =>
      open(who, core.admit(cursor ? NO_CHANNELS : channels, who)),
    );
  }

  #authenticateCommands({ headers }: RequestHead): CommandsVerdict | Promise<CommandsVerdict> {
    return this.#parts.authentication.authenticateCommands(bearerOf(headers.authorization));
  }

  /** What the application is shown of the request, and whose it is; undefined when that is too much. */
  #forwarded(request: IncomingMessage, names: readonly string[]): ForwardedHeaders | undefined {
    const found = forwardedHeaders(request.headers, names);
    return found && withAddress(found, this.#clientOf(request).address);
  }

  #refusal(head: RequestHead, error: ErrorCode): HttpAnswer {
    const { random } = this.#parts;
    const { status, error: row, headers } = refusalFor(error, random());
    const { method, url } = head;
    if (status === 503 && isEventSource({ method, url, accept: head.headers.accept })) {
      const afterMs = RETRY_MS + Math.floor(random() * RETRY_SPREAD_MS);
      return retryAnswer(afterMs, `${row.name}: ${row.message}`, corsHeaders(head));
    }
    return errorAnswer(status, row, { ...corsHeaders(head), ...headers });
  }
}

const JSON_HEADERS = Object.freeze({
  "Content-Type": "application/json; charset=utf-8",
  "Cache-Control": "no-store",
});

function identityOf(who: CommandsVerdict): Identity | undefined {
  return "identity" in who ? who.identity : undefined;
}

/** At once where it is known. */
function whenKnown<T>(known: T | Promise<T>, then: (value: T) => void): void {
  if (known instanceof Promise) void known.then(then);
  else then(known);
}
