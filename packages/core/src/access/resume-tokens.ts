/**
 * Resume tokens: the proof that a client held a session, and who it was, good on every worker of the cluster.
 *
 *     token = base64url(claims) "." base64url(HMAC-SHA256(key, base64url(claims)))
 *
 * A session id is an address that routers and logs see; it proves nothing. The token is told to the client
 * alone, and carries what another worker needs in order to go on. Nothing is stored: the key is shared
 * through the broker. Grants of single channels are not carried: a client that comes back presents their
 * tokens again. The token carries the session count (ADR 32): each resume goes on with the next, wherever it
 * is, and presence orders by it. Invariants: `check` returns what was signed with this key, for this session
 * id, has not expired, and does not end later than any that is issued now; a resume token is good no longer
 * than the identity in it, and never longer than 4096 characters.
 */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import { MAX_RESUME_TOKEN_LENGTH, sessionKey } from "@holdfast/protocol";
import { ANONYMOUS, type Identity, VERBS } from "./identity.js";

/** What a token says. One letter each, since every connect reply carries it. */
interface Claims {
  /** The session's key: the part of its id that stays. */
  readonly s: string;
  /** The user, if any. */
  readonly u?: string | undefined;
  /** Until when it is good, seconds since 1970. */
  readonly x: number;
  /** The session count. Tokens of versions before the count have none. */
  readonly n?: number | undefined;
  /** The rest of the identity, of a user; left out where it is too long. */
  readonly i?: IdentityClaims;
}

interface IdentityClaims {
  /** `expiresAt` and `issuedAt`, ms. */
  readonly e?: number | undefined;
  readonly a?: number | undefined;
  readonly j?: string | undefined;
  readonly f?: string | undefined;
  /** Patterns, each with its verbs as bits in the order of `VERBS`. */
  readonly p?: readonly (readonly [match: string, verbs: number])[] | undefined;
  readonly c?: readonly string[] | undefined;
}

/** Whom a session belongs to, as far as resuming needs it. */
export interface Resumed {
  readonly key: string;
  readonly user: string | undefined;
  /** Undefined where it was too long to be carried: then the client has to bring its token, too. */
  readonly identity: Identity | undefined;
  /** The session count of the connection that goes on with it. */
  readonly count: number;
}

/** How far the clocks of two instances may be apart, s. */
export const CLOCK_TOLERANCE_S = 60;
/** Longer than any history is kept; it is an identity's proof only as long as that identity holds. */
const LIFETIME_S = 24 * 60 * 60;

export class ResumeTokens {
  readonly #now: () => number;
  readonly #lifetimeS: number;
  /** Made once: a key that is a string is made anew for every signature. */
  #key: KeyObject | undefined;

  /** `now`: ms since 1970. */
  constructor(now: () => number, lifetimeS = LIFETIME_S) {
    this.#now = now;
    this.#lifetimeS = lifetimeS;
  }

  /**
   * Signs and checks with this key from now on. Before the first call there are no tokens, and none is good.
   */
  use(key: string): void {
    this.#key = createSecretKey(Buffer.from(key));
  }

  /** A token for the session with its count, or undefined while there is no key. */
  issue(sid: string, identity: Identity, count = 0): string | undefined {
    if (this.#key === undefined) return undefined;
    const { user, expiresAt = Number.POSITIVE_INFINITY } = identity;
    const end = Math.min(Math.floor(this.#now() / 1000) + this.#lifetimeS, Math.floor(expiresAt / 1000));
    const claims: Claims = { s: sessionKey(sid), u: user, x: end, n: count };
    if (user === undefined) return signed(this.#key, claims);
    const whole = signed(this.#key, { ...claims, i: written(identity) });
    return whole.length <= MAX_RESUME_TOKEN_LENGTH ? whole : signed(this.#key, claims);
  }

  /**
   * The identity that may go on with the session `sid`, or undefined when this token does not prove it. Any
   * text is safe.
   */
  check(sid: string, token: string): Resumed | undefined {
    const dot = token.indexOf(".");
    if (this.#key === undefined || dot === -1) return undefined;
    const text = token.slice(0, dot);
    const given = Buffer.from(token.slice(dot + 1));
    const right = Buffer.from(sign(this.#key, text));
    if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined;
    const { s, u, x, n, i } = JSON.parse(Buffer.from(text, "base64url").toString()) as Claims;
    if (s !== sessionKey(sid) || !this.#isCurrent(x)) return undefined;
    // A token without a count was made by an earlier version: the time is above every count before it.
    const count = n === undefined ? this.#now() : n + 1;
    return { key: s, user: u, identity: u === undefined ? ANONYMOUS : i && read(u, i), count };
  }

  /**
   * What would be good for longer than any is issued for was not issued: a thief of the key gains no
   * more.
   */
  #isCurrent(endS: number): boolean {
    const left = endS - this.#now() / 1000;
    return left > 0 && left <= this.#lifetimeS + CLOCK_TOLERANCE_S;
  }
}

function written({ expiresAt, issuedAt, tokenId, info, permissions, subs }: Identity): IdentityClaims {
  return {
    e: expiresAt,
    a: issuedAt,
    j: tokenId,
    f: info,
    p: permissions?.map(({ match, verbs }) => [
      match,
      VERBS.reduce((bits, verb, at) => bits | (verbs.includes(verb) ? 1 << at : 0), 0),
    ]),
    c: subs,
  };
}

function read(user: string, { e, a, j, f, p, c }: IdentityClaims): Identity {
  const permissions = p?.map(([match, bits]) => ({
    match,
    verbs: VERBS.filter((_, at) => (bits & (1 << at)) !== 0),
  }));
  return { user, expiresAt: e, issuedAt: a, tokenId: j, info: f, permissions, subs: c };
}

function signed(key: KeyObject, claims: Claims): string {
  const text = Buffer.from(JSON.stringify(claims)).toString("base64url");
  return `${text}.${sign(key, text)}`;
}

/** As base64url. */
function sign(key: KeyObject, text: string): string {
  return createHmac("sha256", key).update(text).digest("base64url");
}
