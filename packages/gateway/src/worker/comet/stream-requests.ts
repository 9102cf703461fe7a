/**
 * Requests for event streams: by a URL with channels, or by a body of commands that is POSTed.
 *
 * Asks whose a request is and whether core admits it, and gives it to the streams of the worker. Invariant:
 * a request gets a stream or an answer.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Core, codecs, type ForwardedHeaders, type Verdict } from "@holdfast/core";
import { errors } from "@holdfast/protocol";
import { corsHeaders } from "../../http/cors.js";
import { type HttpAnswer, sendAnswer } from "../../http/http-answer.js";
import type { RequestHead } from "../../http/incoming-head.js";
import { peerOf, type Seat, type TcpHandle } from "../../runtime/tcp-handle.js";
import { resumeOf } from "./cursor.js";
import { type CometPolicy, decideComet, type PlainStream, refuse } from "./decision.js";
import type { EventStreams, StreamRequest } from "./event-streams.js";
import { identityOf, type SessionOpening, whenKnown } from "./session-opening.js";

/** Takes the socket of a request out of HTTP, once everything before it has been answered. */
export type TakeOver = (
  request: IncomingMessage,
  response: ServerResponse,
  then: (seat: Seat, ended: (() => void) | undefined) => void,
) => void;

export class StreamRequests {
  readonly #core: Pick<Core, "admit">;
  readonly #opening: SessionOpening;
  readonly #streams: EventStreams;
  readonly #policy: CometPolicy;

  constructor(
    core: Pick<Core, "admit">,
    opening: SessionOpening,
    streams: EventStreams,
    policy: CometPolicy,
  ) {
    this.#core = core;
    this.#opening = opening;
    this.#streams = streams;
    this.#policy = policy;
  }

  /** A stream for a plain client. */
  byUrl(
    request: IncomingMessage,
    response: ServerResponse,
    wanted: PlainStream,
    {
      takeOver,
      forwarded,
    }: { readonly takeOver: TakeOver; readonly forwarded: ForwardedHeaders | undefined },
  ): void {
    if (!this.#opening.mayOpen(request, response, wanted.channels.length)) return;
    const { token, ticket, cursor } = wanted;
    const proofs = { token, ticket, resume: resumeOf(cursor), forwarded };
    whenKnown(this.#opening.authenticate(proofs), (who) => {
      const stream = this.#plainStream(request, wanted, who, () => request.socket.remoteAddress);
      if ("status" in stream) sendAnswer(response, stream);
      else takeOver(request, response, (seat, ended) => this.#streams.accept(seat, stream, ended));
    });
  }

  /**
   * Takes a bare handle whose request is for a stream by URL: past Node's HTTP parser. Returns what to answer
   * where there is no stream; false for any request that may have to wait: for its token to be checked, or
   * for the application.
   */
  takeHandle(handle: TcpHandle, head: RequestHead, ended: (() => void) | undefined): boolean | HttpAnswer {
    const decision = decideComet(head, "/sse", this.#policy);
    if (decision.kind === "answer") return decision.answer;
    if (decision.kind !== "stream" || this.#policy.forwarded !== undefined) return false;
    if (decision.token !== undefined || decision.ticket !== undefined) return false;
    const who = this.#opening.authenticate({ resume: resumeOf(decision.cursor) });
    if (who instanceof Promise) return false;
    const client = this.#opening.clientAt(peerOf(handle), head.headers);
    const channels = decision.channels.length;
    // The connection ends with the stream.
    const refusal = this.#opening.charge({ head, client, connection: undefined, channels });
    if (refusal !== undefined) return refusal;
    const stream = this.#plainStream(head, decision, who, () => peerOf(handle));
    if ("status" in stream) return stream;
    this.#streams.accept(handle, stream, ended);
    return true;
  }

  /** A stream for the SDK: `commands` is the request's body, of which the first is `connect`. */
  byBody(
    request: IncomingMessage,
    response: ServerResponse,
    commands: string,
    {
      takeOver,
      forwarded,
    }: { readonly takeOver: TakeOver; readonly forwarded: ForwardedHeaders | undefined },
  ): void {
    if (commands === "") {
      const message = "The body has frames of the protocol, of which the first is `connect`.";
      return sendAnswer(response, refuse(request, 400, { ...errors.badRequest, message }).answer);
    }
    if (!this.#opening.mayOpen(request, response, 0)) return;
    whenKnown(this.#opening.authenticateCommands(request), (who) => {
      const problem = "error" in who ? who.error : this.#core.admit();
      if (problem !== undefined) return sendAnswer(response, this.#opening.refusal(request, problem));
      const stream: StreamRequest = {
        codec: codecs.objects,
        ids: "none",
        url: undefined,
        identity: identityOf(who),
        forwarded,
        address: this.#opening.rememberedAddress(() => request.socket.remoteAddress, request.headers),
        commands,
        headers: corsHeaders(request),
      };
      takeOver(request, response, (seat, ended) => this.#streams.accept(seat, stream, ended));
    });
  }

  #plainStream(
    head: RequestHead,
    { channels, codec, cursor }: PlainStream,
    who: Verdict,
    peer: () => string | undefined,
  ): StreamRequest | HttpAnswer {
    const problem = this.#core.admit(channels, who);
    if (problem !== undefined) return this.#opening.refusal(head, problem);
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
      address: this.#opening.rememberedAddress(peer, head.headers),
      commands: undefined,
      headers: corsHeaders(head),
    };
  }
}
