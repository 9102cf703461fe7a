/**
 * Tickets: a proof of identity that may stand in a URL, because it is good once and for seconds.
 *
 *     ticket = session id, twenty characters, and a resume token for it, signed with a key of tickets alone
 *
 * A browser cannot give an EventSource a header. Its page asks for a ticket with the token in a header, and
 * connects with that. Nothing is stored before it is used; that it was used is kept by the revocation store,
 * for the whole cluster. Invariants: one ticket is accepted once in the cluster, within its lifetime; no
 * resume token is a ticket, and no ticket a resume token.
 */
import { createHmac } from "node:crypto";
import { type ErrorCode, errors, SESSION_ID_LENGTH } from "@holdfast/protocol";
import type { Clock } from "../runtime/clock.js";
import type { Logger } from "../runtime/logger.js";
import type { Authentication, Verdict } from "./authentication.js";
import type { Identity } from "./identity.js";
import { CLOCK_TOLERANCE_S, ResumeTokens } from "./resume-tokens.js";
import type { RevocationStore } from "./revocation-store.js";

/** How long a ticket is good, seconds. */
export const TICKET_LIFETIME_S = 30;

/**
 * How long a used ticket is remembered: as long as any instance may still take it, whichever clock dated it.
 */
const REMEMBERED_MS = (TICKET_LIFETIME_S + CLOCK_TOLERANCE_S) * 1000;

export interface TicketParts {
  readonly store: RevocationStore;
  readonly authentication: Authentication;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Unpredictable. */
  readonly newId: () => string;
}

const USED: ErrorCode = {
  ...errors.tokenExpired,
  message: "This ticket was used already, or is too old; ask for another.",
};

export class Tickets {
  readonly #parts: TicketParts;
  readonly #tokens: ResumeTokens;

  constructor(parts: TicketParts) {
    this.#parts = parts;
    this.#tokens = new ResumeTokens(() => parts.clock.now(), TICKET_LIFETIME_S);
  }

  /** Signs with a key made from this one from now on. */
  use(secret: string): void {
    this.#tokens.use(createHmac("sha256", secret).update("tickets").digest("base64url"));
  }

  /** A ticket for an identity with a user, or why there is none. */
  issue(identity: Identity): { readonly ticket: string } | { readonly error: ErrorCode } {
    if (identity.user === undefined) return { error: errors.unauthorized };
    const id = this.#parts.newId();
    const token = this.#tokens.issue(id, identity);
    if (token === undefined) return { error: errors.unavailable };
    // A ticket that is too long was never signed.
    return this.#tokens.check(id, token)?.identity === undefined
      ? { error: { ...errors.tooBig, message: "This token says too much for a ticket." } }
      : { ticket: id + token };
  }

  /** Uses a ticket up. Never rejects. */
  async redeem(ticket: string): Promise<Verdict> {
    const { store, authentication, logger } = this.#parts;
    const id = ticket.slice(0, SESSION_ID_LENGTH);
    const identity = this.#tokens.check(id, ticket.slice(SESSION_ID_LENGTH))?.identity;
    if (identity === undefined) return { error: USED };
    try {
      if (!(await store.spend(`ticket:${id}`, REMEMBERED_MS))) return { error: USED };
    } catch (error) {
      // Whether it was used cannot be known, so it is not taken.
      logger.debug({ err: error }, "could not use a ticket up");
      return { error: errors.unavailable };
    }
    const error = authentication.refusal(identity);
    return error === undefined ? { identity } : { error };
  }
}
