/**
 * Session opening: what comes before a comet request may open a session, whichever transport it asks for.
 *
 * Charges the client and its connection, asks whose the request is, shows the application its headers, and
 * says what a refused client hears. Holds nothing. Invariant: a session is charged before anything is done
 * for it.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ForwardedHeaders, Identity, Verdict } from "@holdfast/core";
import type { ErrorCode } from "@holdfast/protocol";
import { corsHeaders } from "../../http/cors.js";
import { isEventSource, retryAnswer } from "../../http/event-source.js";
import { errorAnswer, type HttpAnswer, sendAnswer } from "../../http/http-answer.js";
import type { RequestHead } from "../../http/incoming-head.js";
import type { ClientAddress, ClientAddresses } from "../http/client-addresses.js";
import { forwardedHeaders, withAddress } from "../http/forwarded-headers.js";
import {
  bearerOf,
  type CommandsVerdict,
  type Proofs,
  type RequestAuthentication,
} from "../http/request-authentication.js";
import { refusalFor } from "../http/upgrade.js";
import { RETRY_MS, RETRY_SPREAD_MS } from "./event-streams.js";
import type { SessionLimits } from "./session-limits.js";

export interface SessionOpeningParts {
  readonly authentication: RequestAuthentication;
  readonly clients: ClientAddresses;
  readonly limits: SessionLimits;
  /** In [0, 1). */
  readonly random: () => number;
}

/** A request that asks for a session, as far as its client is concerned. */
export interface OpeningRequest {
  readonly head: RequestHead;
  readonly client: ClientAddress;
  /** The connection that is charged beside the client; undefined where it ends with the session. */
  readonly connection: object | undefined;
  /** How many channels it names. */
  readonly channels: number;
}

export class SessionOpening {
  readonly #parts: SessionOpeningParts;

  constructor(parts: SessionOpeningParts) {
    this.#parts = parts;
  }

  clientAt(peer: string | undefined, headers: RequestHead["headers"]): ClientAddress {
    return this.#parts.clients.of(peer, headers);
  }

  clientOf({ socket, headers }: IncomingMessage): ClientAddress {
    return this.clientAt(socket.remoteAddress, headers);
  }

  /** What the session's transport has to remember of where its client comes from. */
  rememberedAddress(peer: () => string | undefined, headers: RequestHead["headers"]): string | undefined {
    return this.#parts.clients.remembered(peer, headers);
  }

  /** Charges the session; what to answer where it may not be opened. */
  charge({ head, client, connection, channels }: OpeningRequest): HttpAnswer | undefined {
    const problem = this.#parts.limits.open(client, connection, channels);
    return problem === undefined ? undefined : this.refusal(head, problem);
  }

  /** The same for a request of Node's server; false: it has been refused. */
  mayOpen(request: IncomingMessage, response: ServerResponse, channels: number): boolean {
    const client = this.clientOf(request);
    const refusal = this.charge({ head: request, client, connection: request.socket, channels });
    if (refusal !== undefined) sendAnswer(response, refusal);
    return refusal === undefined;
  }

  /** Counts the session for its client until what is returned is called; undefined where none are counted. */
  hold(client: ClientAddress): (() => void) | undefined {
    return this.#parts.limits.hold(client);
  }

  authenticate(proofs: Proofs): Verdict | Promise<Verdict> {
    return this.#parts.authentication.authenticate(proofs);
  }

  authenticateCommands({ headers }: RequestHead): CommandsVerdict | Promise<CommandsVerdict> {
    return this.#parts.authentication.authenticateCommands(bearerOf(headers.authorization));
  }

  /** What the application is shown of the request, and whose it is; undefined when that is too much. */
  forwarded(
    peer: string | undefined,
    { headers }: RequestHead,
    names: readonly string[],
  ): ForwardedHeaders | undefined {
    const found = forwardedHeaders(headers, names);
    return found && withAddress(found, this.clientAt(peer, headers).address);
  }

  refusal(head: RequestHead, error: ErrorCode): HttpAnswer {
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

export function identityOf(who: CommandsVerdict): Identity | undefined {
  return "identity" in who ? who.identity : undefined;
}

/** At once where it is known. */
export function whenKnown<T>(known: T | Promise<T>, then: (value: T) => void): void {
  if (known instanceof Promise) void known.then(then);
  else then(known);
}
