/**
 * Resume tokens: the proof that a client held a session, good on every worker of the cluster.
 *
 *     token = base64url(claims) "." base64url(HMAC-SHA256(key, base64url(claims)))
 *
 * A session id is an address that routers and logs see; who knows it has nothing. The token is told to the client alone, and
 * carries what another worker needs in order to go on. Nothing is stored: the key is shared through the broker.
 * Invariant: `check` returns claims only for a token that was signed with this key, for this session id, and has not expired.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { sessionKey } from "@holdfast/protocol";

/** What a token says. One letter each, since every connect reply carries it. */
interface Claims {
  /** The session's key: the part of its id that stays. */
  readonly s: string;
  /** The user, if any. */
  readonly u?: string | undefined;
  /** Until when it is good, seconds since 1970. */
  readonly x: number;
}

/** Who a session belongs to, as far as resuming needs it. */
export interface Resumed {
  readonly key: string;
  readonly user: string | undefined;
}

/** Longer than any history is kept; it is an identity's proof only as long as that identity holds. */
const LIFETIME_S = 24 * 60 * 60;

export class ResumeTokens {
  readonly #now: () => number;
  #key: string | undefined;

  /** `now`: ms since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Signs and checks with this key from now on. Before the first call there are no tokens, and none is good. */
  use(key: string): void {
    this.#key = key;
  }

  /** A token for the session, or undefined while there is no key. */
  issue(sid: string, user: string | undefined): string | undefined {
    if (this.#key === undefined) return undefined;
    const claims: Claims = { s: sessionKey(sid), u: user, x: Math.floor(this.#now() / 1000) + LIFETIME_S };
    const text = Buffer.from(JSON.stringify(claims)).toString("base64url");
    return `${text}.${sign(this.#key, text).toString("base64url")}`;
  }

  /** Who may go on with the session `sid`, or undefined when this token does not prove it. Any text is safe. */
  check(sid: string, token: string): Resumed | undefined {
    const dot = token.indexOf(".");
    if (this.#key === undefined || dot === -1) return undefined;
    const text = token.slice(0, dot);
    const given = Buffer.from(token.slice(dot + 1), "base64url");
    const right = sign(this.#key, text);
    if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined;
    const { s, u, x } = JSON.parse(Buffer.from(text, "base64url").toString()) as Claims;
    return s === sessionKey(sid) && x * 1000 > this.#now() ? { key: s, user: u } : undefined;
  }
}

function sign(key: string, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
