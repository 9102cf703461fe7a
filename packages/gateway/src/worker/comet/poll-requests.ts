/**
 * Requests of `/poll`: each goes to the session that its cursor names, or opens one.
 *
 * Holds nothing itself: a poll is held by its session (`polls.ts`). Invariants: a poll is answered or held; a
 * session is opened by the worker that has the client's own connection.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Core, ForwardedHeaders } from "@holdfast/core";
import { type ErrorCode, errors } from "@holdfast/protocol";
import { corsHeaders } from "../../http/cors.js";
import { sendAnswer } from "../../http/http-answer.js";
import type { RequestHead } from "../../http/incoming-head.js";
import type { ClientAddress } from "../http/client-addresses.js";
import { bearerOf, type CommandsVerdict } from "../http/request-authentication.js";
import { readPoll } from "./bodies.js";
import { resumeOf } from "./cursor.js";
import { refuse } from "./decision.js";
import { HttpPoll } from "./http-poll.js";
import type { PollRequest, Polls } from "./polls.js";
import { identityOf, type SessionOpening, whenKnown } from "./session-opening.js";

/** A cursor's channels are told of one by one. */
const NO_CHANNELS: readonly string[] = Object.freeze([]);

/** What is known of a poll beside its body. */
export interface PollOrigin {
  /** What the application is shown of it. */
  readonly forwarded: ForwardedHeaders | undefined;
  /** Whether the client's own connection is here, and its session may be opened here. */
  readonly isOurs: boolean;
}

/** A poll that opens a session, once its body was read and its client charged. */
interface OpeningPoll {
  readonly read: PollRequest;
  readonly head: RequestHead;
  readonly client: ClientAddress;
  readonly poll: HttpPoll;
  readonly response: ServerResponse;
  readonly forwarded: ForwardedHeaders | undefined;
}

export class PollRequests {
  readonly #core: Pick<Core, "admit" | "state">;
  readonly #opening: SessionOpening;
  readonly #polls: Polls;
  readonly #maxChannels: number;

  /** `maxChannels`: how many one poll may name. */
  constructor(
    core: Pick<Core, "admit" | "state">,
    opening: SessionOpening,
    polls: Polls,
    maxChannels: number,
  ) {
    this.#core = core;
    this.#opening = opening;
    this.#polls = polls;
    this.#maxChannels = maxChannels;
  }

  /** Answers the poll, or has it held. */
  take(
    request: IncomingMessage,
    response: ServerResponse,
    body: string,
    { forwarded, isOurs }: PollOrigin,
  ): void {
    const read = readPoll(body, this.#maxChannels);
    if (typeof read === "string")
      return sendAnswer(response, refuse(request, 400, { ...errors.badRequest, message: read }).answer);
    // A poll that is held lets go of its headers.
    const head: RequestHead = { headers: request.headers };
    const client = this.#opening.clientOf(request);
    const poll = new HttpPoll(response, corsHeaders(head), this.#core);
    const outcome = this.#polls.goOn(read, poll);
    if (outcome === "foreign") {
      const message = "This cursor is not one of that session's.";
      return sendAnswer(response, refuse(head, 403, { ...errors.forbidden, message }).answer);
    }
    if (outcome === "held") return;
    // The instance that sent it has the client's connection, and answers it there.
    if (!isOurs) return sendAnswer(response, this.#opening.refusal(head, errors.unavailable));
    const count = read.channels?.length ?? read.cursor?.positions.size ?? 0;
    if (!this.#opening.mayOpen(request, response, count, head, client)) return;
    this.#authenticate({ read, head, client, poll, response, forwarded });
  }

  #authenticate(opening: OpeningPoll): void {
    const { read, head, forwarded } = opening;
    const { cursor, channels = cursor && NO_CHANNELS } = read;
    if (channels === undefined)
      return whenKnown(this.#opening.authenticateCommands(head), (who) =>
        this.#open(opening, who, "error" in who ? who.error : this.#core.admit()),
      );
    const proofs = { token: bearerOf(head.headers.authorization), forwarded, resume: resumeOf(cursor) };
    whenKnown(this.#opening.authenticate(proofs), (who) =>
      this.#open(opening, who, this.#core.admit(cursor ? NO_CHANNELS : channels, who)),
    );
  }

  #open(
    { read, head, client, poll, response, forwarded }: OpeningPoll,
    who: CommandsVerdict,
    refused: ErrorCode | undefined,
  ): void {
    const problem = refused ?? ("error" in who ? who.error : undefined);
    if (problem !== undefined) sendAnswer(response, this.#opening.refusal(head, problem));
    else {
      const release = this.#opening.hold(client);
      this.#polls.open(read, identityOf(who), poll, forwarded, release, client.address);
    }
  }
}
