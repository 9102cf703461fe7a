/**
 * Request authentication: whose request it is, on every path: an upgrade, a stream, a poll or a ticket.
 *
 * By a token in the head or the URL, by a ticket, by the session that a cursor proves, by the application, or
 * by nothing (anonymous, or refused where the gateway is private). Core knows which of them count; this file
 * knows in which order they are asked. At once where nothing has to be waited for. Invariant: requests that
 * wait here are counted and bounded, since each holds its socket; beyond the bound a request is refused as
 * `unavailable`.
 */
import type { Core, ForwardedHeaders, Identity, Verdict } from "@holdfast/core";
import { type ErrorCode, errors, type Resume } from "@holdfast/protocol";

/** What a request brings that may say who it is from. */
export interface Proofs {
  readonly token?: string | undefined;
  readonly ticket?: string | undefined;
  /** The session that it goes on with. */
  readonly resume?: Resume | undefined;
  /** Its headers for the application, where that is asked who connects by URL. */
  readonly forwarded?: ForwardedHeaders | undefined;
}

/** Of a request that connects by commands: without an identity, `connect` says who it is from. */
export type CommandsVerdict = { readonly identity: Identity | undefined } | { readonly error: ErrorCode };

/** Requests that may wait at once: a check takes a fraction of a millisecond, unless keys are fetched. */
const MAX_WAITING = 8_192;
const BUSY: Promise<Verdict> = Promise.resolve(Object.freeze({ error: errors.unavailable }));
const UNKNOWN: CommandsVerdict = Object.freeze({ identity: undefined });
const BEARER = /^Bearer +(\S+) *$/i;

/** The token of a head. Other schemes are not ours: a proxy in front may have used them. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return BEARER.exec(authorization ?? "")?.[1];
}

export class RequestAuthentication {
  readonly #core: Pick<Core, "authenticate" | "redeem">;
  readonly #refused: (error: ErrorCode) => void;
  #waiting = 0;

  /** `refused` is told of each request that has been refused for what it brought, or did not bring. */
  constructor(core: Pick<Core, "authenticate" | "redeem">, refused: (error: ErrorCode) => void = () => {}) {
    this.#core = core;
    this.#refused = refused;
  }

  /** Requests of which it is not known yet who they are from. */
  get waiting(): number {
    return this.#waiting;
  }

  /** A promise where a token or ticket has to be checked, or the application asked; it never rejects. */
  authenticate({ token, ticket, resume, forwarded }: Proofs): Verdict | Promise<Verdict> {
    const byTicket = token === undefined ? ticket : undefined;
    if (byTicket !== undefined) {
      // A ticket was used up when the stream began: a client that comes back proves its session.
      const known = resume && this.#core.authenticate(undefined, undefined, resume);
      if (known !== undefined && "identity" in known && known.identity.user !== undefined) return known;
    }
    const mayWait = token !== undefined || byTicket !== undefined || forwarded !== undefined;
    if (mayWait && this.#waiting >= MAX_WAITING) return BUSY;
    const verdict = this.#counted(
      byTicket === undefined
        ? this.#core.authenticate(token, forwarded, resume)
        : this.#core.redeem(byTicket),
    );
    return verdict instanceof Promise ? verdict.then((late) => this.#told(late)) : this.#told(verdict);
  }

  /** The same for a request whose commands connect: `connect` may say what the head does not. */
  authenticateCommands(token: string | undefined): CommandsVerdict | Promise<CommandsVerdict> {
    if (token === undefined) return UNKNOWN;
    if (this.#waiting >= MAX_WAITING) return BUSY;
    const verdict = this.#counted(this.#core.authenticate(token));
    return verdict instanceof Promise
      ? verdict.then((late) => this.#told(ofCommands(late)))
      : this.#told(ofCommands(verdict));
  }

  #counted(verdict: Verdict | Promise<Verdict>): Verdict | Promise<Verdict> {
    if (!(verdict instanceof Promise)) return verdict;
    this.#waiting++;
    return verdict.then((late) => {
      this.#waiting--;
      return late;
    });
  }

  #told<Either extends CommandsVerdict | Verdict>(verdict: Either): Either {
    if ("error" in verdict) this.#refused(verdict.error);
    return verdict;
  }
}

/** Where no keys check the token the application may: `connect` asks. */
function ofCommands(verdict: Verdict): CommandsVerdict {
  return "error" in verdict && verdict.error === errors.unauthorized ? UNKNOWN : verdict;
}
