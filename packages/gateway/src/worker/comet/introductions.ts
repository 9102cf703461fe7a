/**
 * The identity behind a request: from a token in the head, from a ticket, from the session that a cursor
 * proves, or anonymous.
 *
 * The callback runs within the call where nothing has to be waited for. Invariant: requests that wait here
 * are counted and bounded, because each holds its socket.
 */
import type { Core, ForwardedHeaders, Verdict } from "@holdfast/core";
import { errors, type Resume } from "@holdfast/protocol";
import { resumeOf } from "./cursor.js";
import type { PlainStream } from "./decision.js";

/** Requests that may wait at once: a check takes a fraction of a millisecond, unless keys are fetched. */
const MAX_WAITING = 4_096;
const BUSY: Verdict = Object.freeze({ error: errors.unavailable });

type Then = (who: Verdict) => void;

export class Introductions {
  readonly #core: Pick<Core, "authenticate" | "redeem">;
  #waiting = 0;

  constructor(core: Pick<Core, "authenticate" | "redeem">) {
    this.#core = core;
  }

  /** Requests of which it is not known yet who asks. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Not at once where a token has to be checked, or the application asked. */
  introduce(
    token: string | undefined,
    byUrl: ForwardedHeaders | undefined,
    resume: Resume | undefined,
    then: Then,
  ): void {
    const mayWait = token !== undefined || byUrl !== undefined;
    if (mayWait && this.#waiting >= MAX_WAITING) return then(BUSY);
    this.#settle(this.#core.authenticate(token, byUrl, resume), then);
  }

  /**
   * The same for a stream by URL: a ticket was used up when the stream began, and a client that comes back
   * proves it by the cursor.
   */
  reader({ token, ticket, cursor }: PlainStream, byUrl: ForwardedHeaders | undefined, then: Then): void {
    const resume = resumeOf(cursor);
    if (token !== undefined || ticket === undefined) return this.introduce(token, byUrl, resume, then);
    const known = resume && this.#core.authenticate(undefined, undefined, resume);
    if (known !== undefined && "identity" in known && known.identity.user !== undefined) return then(known);
    if (this.#waiting >= MAX_WAITING) return then(BUSY);
    this.#settle(this.#core.redeem(ticket), then);
  }

  #settle(who: Verdict | Promise<Verdict>, then: Then): void {
    if (!(who instanceof Promise)) return then(who);
    this.#waiting++;
    void who.then((late) => {
      this.#waiting--;
      then(late);
    });
  }
}
