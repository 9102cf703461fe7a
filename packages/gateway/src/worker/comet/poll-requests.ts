/**
 * Requests of `/poll`: each goes to the session that its cursor names, or opens one.
 *
 * Holds nothing itself: a poll is held by its session (`polls.ts`). Invariants: a poll is answered or held; a
 * session is opened by the worker that has the client's own connection.
 */
import type { Core, ForwardedHeaders } from "@holdfast/core";
import { type ErrorCode, errors } from "@holdfast/protocol";
import type { HttpAnswer } from "../../http/http-answer.js";
import type { RequestHead } from "../../http/incoming-head.js";
import type { ClientAddress } from "../http/client-addresses.js";
import { bearerOf, type CommandsVerdict } from "../http/request-authentication.js";
import { readPoll } from "./bodies.js";
import { resumeOf } from "./cursor.js";
import { refuse } from "./decision.js";
import type { DueHeldPoll, PollRequest, Polls } from "./polls.js";
import { identityOf, type SessionOpening, whenKnown } from "./session-opening.js";

/** A cursor's channels are told of one by one. */
const NO_CHANNELS: readonly string[] = Object.freeze([]);

/** A request that polls, whichever way it came. */
export interface AskingPoll {
  /** As it came: a poll that is held may have let go of it. */
  readonly head: RequestHead;
  /** What is held until there is an answer. */
  readonly poll: DueHeldPoll;
  /** The connection that is charged for the sessions it opens. */
  readonly payer: object;
  /** The address at its other end. */
  peer(): string | undefined;
  /** Answers at once, instead of `poll`. */
  send(answer: HttpAnswer): void;
}

/** What is known of a poll beside its request. */
export interface PollOrigin {
  /** What the application is shown of it. */
  readonly forwarded: () => ForwardedHeaders | undefined;
  /** Whether the client's own connection is here, and its session may be opened here. */
  readonly isOurs: boolean;
}

/** A poll that opens a session, once its body was read and its client charged. */
interface OpeningPoll {
  readonly read: PollRequest;
  readonly asking: AskingPoll;
  readonly head: RequestHead;
  readonly client: ClientAddress;
  readonly forwarded: ForwardedHeaders | undefined;
}

export class PollRequests {
  readonly #core: Pick<Core, "admit">;
  readonly #opening: SessionOpening;
  readonly #polls: Polls;
  readonly #maxChannels: number;

  /** `maxChannels`: how many one poll may name. */
  constructor(core: Pick<Core, "admit">, opening: SessionOpening, polls: Polls, maxChannels: number) {
    this.#core = core;
    this.#opening = opening;
    this.#polls = polls;
    this.#maxChannels = maxChannels;
  }

  /** Answers the poll, or has it held. */
  take(asking: AskingPoll, body: string, { forwarded, isOurs }: PollOrigin): void {
    const read = readPoll(body, this.#maxChannels);
    if (typeof read === "string")
      return asking.send(refuse(asking.head, 400, { ...errors.badRequest, message: read }).answer);
    const outcome = this.#polls.goOn(read, asking.poll);
    if (outcome === "held") return;
    const { head } = asking;
    if (outcome === "foreign") {
      const message = "This cursor is not one of that session's.";
      return asking.send(refuse(head, 403, { ...errors.forbidden, message }).answer);
    }
    // The instance that sent it has the client's connection, and answers it there.
    if (!isOurs) return asking.send(this.#opening.refusal(head, errors.unavailable));
    const client = this.#opening.clientAt(asking.peer(), head.headers);
    const channels = read.channels?.length ?? read.cursor?.positions.size ?? 0;
    const refusal = this.#opening.charge({ head, client, connection: asking.payer, channels });
    if (refusal !== undefined) return asking.send(refusal);
    this.#authenticate({ read, asking, head, client, forwarded: forwarded() });
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
    { read, asking, head, client, forwarded }: OpeningPoll,
    who: CommandsVerdict,
    refused: ErrorCode | undefined,
  ): void {
    const problem = refused ?? ("error" in who ? who.error : undefined);
    if (problem !== undefined) asking.send(this.#opening.refusal(head, problem));
    else {
      const release = this.#opening.hold(client);
      this.#polls.open(read, identityOf(who), asking.poll, forwarded, release, client.address);
    }
  }
}
