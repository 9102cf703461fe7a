/**
 * The claims of a token → what they prove.
 *
 * Pure: signature, issuer, audience, `exp` and `nbf` were checked before (`token.ts`). A claim that is not
 * what docs/protocol.md says makes the whole token bad, because half a permission is a mistake that no
 * operator would see. Unknown claims are ignored: issuers add their own. Invariant: nothing of unbounded size
 * comes out.
 */
import {
  type Grant,
  type Identity,
  type Permission,
  type Proof,
  patternProblem,
  VERBS,
  type Verb,
} from "@holdfast/core";
import { channelProblem, errors, memberText, oneLine, userOf } from "@holdfast/protocol";

/** Patterns in one token. */
export const MAX_PERMISSIONS = 64;
/** Channels that one token may have the server subscribe. */
export const MAX_SUBS = 128;
/** Bytes of `info` as JSON. */
export const MAX_INFO_BYTES = 1024;
/** Characters of `jti`: what a revocation may have to name. */
export const MAX_TOKEN_ID = 128;
/** The last moment that a date can have, ms since 1970. */
const MAX_TIME = 8.64e15;

/** What a verified payload says. Any value of any claim is safe. */
export type Claims = Readonly<Record<string, unknown>>;

/** A claim that is wrong; the sentence names it. */
class BadClaim extends Error {}

/**
 * `text`: what the claims were parsed of, since `info` is shown to the letter. `leewayMs`: how far the clock
 * of the issuer may be ahead, and how long after `exp` the token is taken.
 */
export function proofOf(claims: Claims, text: string, nowMs: number, leewayMs: number): Proof {
  try {
    return read(claims, text, nowMs, leewayMs);
  } catch (error) {
    if (!(error instanceof BadClaim)) throw error;
    return { kind: "refused", error: { ...errors.badToken, message: error.message } };
  }
}

function read(claims: Claims, source: string, nowMs: number, leewayMs: number): Proof {
  // Own properties alone: a payload may bring a `__proto__`.
  const claim = (name: string): unknown => (Object.hasOwn(claims, name) ? claims[name] : undefined);
  const user = userOfClaim(claim("sub"));
  const issuedAt = timeOf("iat", claim("iat"));
  if (issuedAt !== undefined && issuedAt > nowMs + leewayMs)
    return { kind: "refused", error: errors.tokenEarly };
  const exp = timeOf("exp", claim("exp"));
  if (exp === undefined)
    throw new BadClaim("The token has no `exp`: write the second at which it ends, as every token must.");
  const expiresAt = Math.min(MAX_TIME, exp + leewayMs);
  const tokenId = tokenIdOf(claim("jti"));
  const channel = claim("channel");
  if (channel !== undefined) {
    const grant: Grant = {
      channel: channelOfClaim(channel),
      verbs: grantVerbs(claim("verbs")),
      expiresAt,
      tokenId,
      issuedAt,
    };
    return { kind: "grant", user, grant };
  }
  const identity: Identity = {
    user,
    expiresAt,
    issuedAt,
    tokenId,
    info: infoOf(memberText(source, "info")),
    permissions: permissionsOf(claim("channels")),
    subs: subsOf(claim("subs"), user),
  };
  return { kind: "identity", identity };
}

function userOfClaim(sub: unknown): string {
  if (typeof sub !== "string")
    throw new BadClaim("The token has no `sub`: write the user's id there, as text.");
  const problem = channelProblem(`user:${sub}`);
  if (problem === undefined) return sub;
  throw new BadClaim("The token's `sub` cannot name a user: `user:<sub>` has to be a channel name.");
}

function timeOf(name: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "number") throw new BadClaim(`The token's \`${name}\` is not a number.`);
  return Math.min(MAX_TIME, value * 1000);
}

function tokenIdOf(jti: unknown): string | undefined {
  if (jti === undefined) return undefined;
  // Half surrogates are one character in Redis: a revocation could not name the token.
  if (typeof jti === "string" && jti.length > 0 && jti.length <= MAX_TOKEN_ID && !/\p{Cs}/u.test(jti))
    return jti;
  throw new BadClaim(`The token's \`jti\` is not a string of 1 to ${MAX_TOKEN_ID} characters.`);
}

/** `info`: JSON text, which may be more than one line. */
function infoOf(info: string | undefined): string | undefined {
  if (info === undefined) return undefined;
  // A copy: a piece of the token would keep all of it.
  const text = Buffer.from(oneLine(info)).toString();
  if (Buffer.byteLength(text) <= MAX_INFO_BYTES) return text;
  throw new BadClaim(`The token's \`info\` is larger than ${MAX_INFO_BYTES} bytes.`);
}

function permissionsOf(channels: unknown): readonly Permission[] | undefined {
  if (channels === undefined) return undefined;
  if (!Array.isArray(channels) || channels.length > MAX_PERMISSIONS)
    throw new BadClaim(
      `The token's \`channels\` is not a list of at most ${MAX_PERMISSIONS} entries such as {"match":"room:*","verbs":["subscribe"]}.`,
    );
  return channels.map((entry: unknown, at) => {
    const { match, verbs } =
      typeof entry === "object" && entry !== null ? (entry as Record<string, unknown>) : {};
    const where = `\`channels\` entry ${at + 1}`;
    if (typeof match !== "string") throw new BadClaim(`The token's ${where} has no \`match\`.`);
    const problem = patternProblem(match);
    if (problem !== undefined) throw new BadClaim(`The token's ${where} has a \`match\` that ${problem}.`);
    return { match, verbs: verbsOf(where, verbs) };
  });
}

function verbsOf(where: string, verbs: unknown): readonly Verb[] {
  if (Array.isArray(verbs) && verbs.length > 0 && verbs.length <= VERBS.length && verbs.every(isVerb))
    return verbs;
  throw new BadClaim(`The token's ${where} needs \`verbs\`: some of ${VERBS.join(", ")}.`);
}

function grantVerbs(verbs: unknown): readonly Verb[] {
  return verbs === undefined ? SUBSCRIBE : verbsOf("`channel`", verbs);
}

const SUBSCRIBE: readonly Verb[] = Object.freeze(["subscribe"]);

function isVerb(value: unknown): value is Verb {
  return VERBS.includes(value as Verb);
}

function channelOfClaim(channel: unknown): string {
  if (typeof channel === "string" && channelProblem(channel) === undefined) return channel;
  throw new BadClaim("The token's `channel` is not a channel name.");
}

function subsOf(subs: unknown, user: string): readonly string[] | undefined {
  if (subs === undefined) return undefined;
  if (!Array.isArray(subs) || subs.length > MAX_SUBS)
    throw new BadClaim(`The token's \`subs\` is not a list of at most ${MAX_SUBS} channels.`);
  for (const channel of subs as readonly unknown[]) {
    if (typeof channel !== "string" || channelProblem(channel) !== undefined)
      throw new BadClaim("The token's `subs` has an entry that is not a channel name.");
    if ((userOf(channel) ?? user) !== user)
      throw new BadClaim("The token's `subs` names another user's channel.");
  }
  return [...new Set(subs as readonly string[])];
}
