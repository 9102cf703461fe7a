/**
 * Session ids: 20 characters of [A-Za-z0-9_-] that travel as `?sid=`, where a router can see them.
 *
 * The first four name the owner (8 bits worker slot, 16 bits generation), the other sixteen are 96 random
 * bits. An id is an address, not a secret. The generation is drawn at random for each start of a worker, so
 * that a restarted worker, or the same slot of another instance, is not taken for the owner.
 */

export const SESSION_ID_LENGTH = 20;
export const MAX_SLOTS = 256;
export const MAX_GENERATIONS = 65_536;

/** The worker that made a session: its place in the instance and which life of that place. */
export interface Owner {
  /** 0–255. */
  readonly slot: number;
  /** 0–65535. */
  readonly generation: number;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** What every session id matches. */
export const SESSION_ID = /^[A-Za-z0-9_-]{20}$/;
const OWNER_LENGTH = 4;

/**
 * What stays of a session id when its session goes on with another worker: the sixteen characters behind the
 * owner.
 */
export function sessionKey(sid: string): string {
  return sid.slice(OWNER_LENGTH);
}

/** The four characters with which every session id of `owner` begins. */
export function ownerPrefix(owner: Owner): string {
  let bits = owner.slot * MAX_GENERATIONS + owner.generation;
  let prefix = "";
  for (let i = 0; i < OWNER_LENGTH; i++) {
    prefix = ALPHABET.charAt(bits % 64) + prefix;
    bits = Math.floor(bits / 64);
  }
  return prefix;
}

/** The id under which a session goes on with the worker that made `sid`. */
export function withSessionKey(sid: string, key: string): string {
  return sid.slice(0, OWNER_LENGTH) + key;
}

/** The worker that made the session, or undefined when `sid` is not a session id. */
export function ownerOf(sid: string): Owner | undefined {
  if (!SESSION_ID.test(sid)) return undefined;
  let bits = 0;
  for (let i = 0; i < OWNER_LENGTH; i++) bits = bits * 64 + ALPHABET.indexOf(sid.charAt(i));
  return { slot: Math.floor(bits / MAX_GENERATIONS), generation: bits % MAX_GENERATIONS };
}
