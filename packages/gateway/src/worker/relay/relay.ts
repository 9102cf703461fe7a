/**
 * The relay: a request that names another worker's session is answered by that worker, whichever instance it
 * is of.
 *
 *     read ahead ──► the owner's Unix socket ──none──► its instance's public port ──none, refused──► here
 *
 * A load balancer sends requests of many clients over one pooled connection, so the worker that a connection
 * was handed to is the right one for its first request at most. Every worker therefore also answers on a Unix
 * socket, named after the owner in the session id; an owner of another instance is looked up
 * (`other-instances.ts`). Where no owner can be had the request is answered here, and its session is made
 * anew from what it says. Invariants: a request is relayed at most once within each instance and forwarded at
 * most once between two; one that the owner has not begun to answer gets an answer all the same; nothing that
 * may have been carried out is carried out again, unless the protocol lets its client repeat it.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import type { Clock } from "@holdfast/core";
import { errors, type Owner, ownerPrefix } from "@holdfast/protocol";
import type { Exchanges } from "../../http/exchanges.js";
import { errorAnswer, httpError, inviteBody, sendAnswer } from "../../http/http-answer.js";
import type { RequestHead } from "../../http/incoming-head.js";
import type { RoutedWay } from "../../link/metrics.js";
import { abandonedBody, OWN_BYTES } from "../http/request-body.js";
import type { Unfinished, UnfinishedMessages } from "../sockets/unfinished-messages.js";
import { isRepeatable, namedOwner } from "./named-owner.js";
import type { OtherInstances, RelayTarget } from "./other-instances.js";
import { hasBody, type ReadAhead, readAhead } from "./read-ahead.js";
import { ANSWERED, FORWARDED } from "./relay-headers.js";
import type { RelayOutcome } from "./relay-request.js";
import { type RelayLimits, RelayRequests } from "./relay-requests.js";
import { RelaySocket } from "./relay-socket.js";

/** `relayed`: another worker of the instance has sent it. */
type Answer = (request: IncomingMessage, response: ServerResponse, relayed?: boolean) => void;

export interface RelayOptions extends RelayLimits {
  /** Where the workers of this instance have their sockets. */
  readonly directory: string;
  readonly owner: Owner;
  /** Bytes of one body; a longer one is refused wherever it is read, so it is read here. */
  readonly maxBodyBytes: number;
  /** What is held of bodies that have not come whole. */
  readonly unfinished: UnfinishedMessages;
  /** Undefined while there is no cluster. */
  readonly others: OtherInstances | undefined;
  readonly clock: Clock;
  readonly routed: (way: RoutedWay) => void;
}

/**
 * How often, and after how long (ms), a relayed request is repeated whose owner has too many requests
 * waiting.
 */
const CROWDED_TRIES = 20;
const CROWDED_PAUSE_MS = 50;

const MISDIRECTED = errorAnswer(421, httpError(421, "The worker of this session is not of this instance."));
const LOST = errorAnswer(503, errors.unavailable, { "Retry-After": "1" });

export class Relay {
  readonly #options: RelayOptions;
  readonly #answer: Answer;
  readonly #socket: RelaySocket;
  readonly #relayRequests: RelayRequests;
  #closed = false;

  /** `exchanges`: the deadlines of answers; `answer`: how this worker answers. */
  constructor(options: RelayOptions, exchanges: Exchanges, answer: Answer) {
    this.#options = options;
    this.#answer = answer;
    this.#socket = new RelaySocket(
      this.#pathOf(ownerPrefix(options.owner)),
      options.clock,
      (request, response) => {
        if (exchanges.begin(request, response)) answer(request, response, true);
      },
    );
    this.#relayRequests = new RelayRequests(options, options.clock, (response, bytes) => {
      if (response.socket !== null) exchanges.leaving(response.socket, bytes, response);
    });
  }

  /** Connections with requests to others, and from them. */
  get sockets(): number {
    return this.#relayRequests.open + this.#socket.connections;
  }

  /** Resolves when other workers can reach this one, or with why they cannot yet. */
  listen(): Promise<unknown> {
    return this.#socket.listen();
  }

  /** Answers here or there. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    this.#prove(request, response);
    const named = namedOwner(request.method ?? "", request.url ?? "");
    if (named === undefined || this.#isUs(named)) return this.#answer(request, response);
    const owner = ownerPrefix(named);
    const { maxBodyBytes, unfinished } = this.#options;
    // Refused by its length, before it has been sent.
    if (Number(request.headers["content-length"] ?? 0) > maxBodyBytes) return this.#answer(request, response);
    if (!hasBody(request)) return void this.#send(request, response, undefined, owner);
    // Node drops what an answer has left unread, but not of a request that was begun to be read; and it
    // would stand in the way of the connection's next one.
    response.once("close", () => request.resume());
    const awaited: Unfinished = { abandon: (why) => sendAnswer(response, abandonedBody(why)) };
    const arrived = (read: ReadAhead): void => {
      unfinished.release(awaited);
      // It was answered, because its rest was awaited no longer.
      if (response.headersSent) return;
      if (read.kind === "whole") void this.#send(request, response, read.body, owner);
      else if (read.kind === "large") this.#answer(request, response);
    };
    unfinished.hold(awaited, OWN_BYTES, true);
    inviteBody(request, response);
    readAhead(request, maxBodyBytes, arrived, (bytes) => {
      if (!response.headersSent) unfinished.hold(awaited, OWN_BYTES + bytes, false);
    });
  }

  /** Whether the request is answered by this worker, and came from no other instance. */
  isHere({ method = "", url = "", headers }: RequestHead): boolean {
    const named = namedOwner(method, url);
    return headers[FORWARDED] === undefined && (named === undefined || this.#isUs(named));
  }

  /** What is under way gets 503, and its clients ask again elsewhere. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#relayRequests.close();
    this.#socket.close();
  }

  async #send(
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer | undefined,
    owner: string,
  ): Promise<void> {
    const { others, routed } = this.#options;
    if (!this.#relayRequests.hasRoom(body?.length ?? 0)) {
      routed("full");
      return this.#answer(request, response);
    }
    const near = this.#socket.isFolderOurs
      ? await this.#relay(request, response, body, { socketPath: this.#pathOf(owner) })
      : "unreached";
    if (near !== "unreached") return this.#conclude(request, response, near, "relayed");
    if (request.headers[FORWARDED] !== undefined) {
      routed("misdirected");
      return sendAnswer(response, MISDIRECTED);
    }
    const far = await others?.find(owner);
    if (others === undefined || far === undefined || response.destroyed)
      return this.#conclude(request, response, response.destroyed ? "gone" : "unreached", "forwarded");
    const forwarding = others.seal.forward(request.method ?? "", request.url ?? "");
    const outcome =
      forwarding === undefined
        ? "unreached"
        : await this.#relayRequests.go(request, response, body, far, forwarding);
    if (outcome === "unreached" || outcome === "cut") others.wasWrong(owner);
    this.#conclude(request, response, outcome === "cut" ? "lost" : outcome, "forwarded");
  }

  /**
   * The part that answers here in the end: the instance that forwarded the request is told that we are one.
   */
  #prove({ headers, method = "", url = "" }: IncomingMessage, response: ServerResponse): void {
    const forwarded = headers[FORWARDED];
    if (typeof forwarded !== "string") return;
    const proof = this.#options.others?.seal.answerTo(forwarded, method, url);
    if (proof !== undefined) response.setHeader(ANSWERED, proof);
  }

  async #relay(
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer | undefined,
    to: RelayTarget,
  ): Promise<RelayOutcome> {
    for (let tries = 1; ; tries++) {
      const outcome = await this.#relayRequests.go(request, response, body, to);
      if (outcome !== "crowded" || tries === CROWDED_TRIES) return outcome;
      await new Promise<void>((resolve) => this.#options.clock.after(CROWDED_PAUSE_MS, resolve));
      if (response.destroyed) return "gone";
    }
  }

  #conclude(
    request: IncomingMessage,
    response: ServerResponse,
    outcome: RelayOutcome,
    way: "relayed" | "forwarded",
  ): void {
    const { routed } = this.#options;
    if (outcome === "gone") return;
    if (outcome === "answered") return routed(way);
    const mayRepeat = outcome !== "lost" || isRepeatable(request.method ?? "", request.url ?? "");
    if (mayRepeat && !this.#closed) {
      routed("here");
      return this.#answer(request, response);
    }
    routed("failed");
    sendAnswer(response, LOST);
  }

  #pathOf(owner: string): string {
    return join(this.#options.directory, owner);
  }

  #isUs({ slot, generation }: Owner): boolean {
    const { owner } = this.#options;
    return slot === owner.slot && generation === owner.generation;
  }
}
