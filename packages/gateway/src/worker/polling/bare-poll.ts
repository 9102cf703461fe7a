/**
 * The poll of a connection on a bare handle: held until there is an answer, as a request of Node's server is.
 *
 * One for all polls of its connection, which come one after another. Invariant: a session that holds it lets
 * go of it before it is answered, or is told that it is lost.
 */
import { disconnects, errors } from "@holdfast/protocol";
import { errorAnswer, type HttpAnswer } from "../../http/http-answer.js";
import type { RequestHead } from "../../http/incoming-head.js";
import type { PartedBody } from "../http/parted-body.js";
import type { PollInput } from "./poll-input.js";

/** The session that holds a poll. */
export interface PollHolder {
  /** Answers it; `evenNothing`: it was held long enough. */
  flush(evenNothing: boolean): void;
  /** It has ended without an answer. */
  lost(poll: BarePoll): void;
}

/** The connection by which polls come. */
export interface PolledConnection {
  readonly input: Pick<PollInput, "head" | "request">;
  /** Whether a poll waits for its answer. */
  readonly isAsked: boolean;
  peer(): string | undefined;
  give(answer: PartedBody, gzip: (() => Buffer | undefined) | undefined): void;
  send(answer: HttpAnswer): void;
}

type Headers = Readonly<Record<string, string>>;

/** What a poll hears whose session goes on by a newer one. */
export function supersededAnswer(headers: Headers): HttpAnswer {
  const { code, name, message } = disconnects.superseded;
  return errorAnswer(409, { code, name, message }, headers);
}

/** What a poll hears whose session has ended without a word. */
export function droppedAnswer(headers: Headers): HttpAnswer {
  return errorAnswer(503, errors.unavailable, { "Retry-After": "1", ...headers });
}

export class BarePoll {
  /** What another worker or instance passes on comes by Node's server. */
  readonly isForwarded = false;
  readonly #connection: PolledConnection;
  #holder: PollHolder | undefined;

  constructor(connection: PolledConnection) {
    this.#connection = connection;
  }

  get head(): RequestHead {
    return this.#connection.input.request;
  }

  get poll(): this {
    return this;
  }

  get payer(): object {
    return this.#connection;
  }

  peer(): string | undefined {
    return this.#connection.peer();
  }

  get destroyed(): boolean {
    return !this.#connection.isAsked;
  }

  heldBy(holder: PollHolder): void {
    this.#holder = holder;
  }

  sign(): void {}

  /** Held long enough. */
  destroy(): void {
    this.#holder?.flush(true);
  }

  answer(answer: PartedBody, gzip?: () => Buffer | undefined): void {
    if (this.destroyed) return;
    this.#holder = undefined;
    this.#connection.give(answer, gzip);
  }

  supersede(): void {
    this.send(supersededAnswer(this.#headers));
  }

  drop(): void {
    this.send(droppedAnswer(this.#headers));
  }

  send(answer: HttpAnswer): void {
    if (this.destroyed) return;
    this.#holder = undefined;
    this.#connection.send(answer);
  }

  /** The connection has ended. */
  lost(): void {
    const holder = this.#holder;
    this.#holder = undefined;
    holder?.lost(this);
  }

  get #headers(): Headers {
    return this.#connection.input.head?.headers ?? {};
  }
}
