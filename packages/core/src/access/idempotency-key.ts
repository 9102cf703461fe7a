/**
 * Idempotency keys: what the broker remembers of a publication's `key`, by its giver.
 *
 * A client's key is its user's own, or its session's where it is anonymous; backends share one space,
 * whichever way in they take. Invariant: two names are the same only where the same giver said the same key,
 * so that no client can have another's publication taken for a repeat, nor a backend's.
 */
import type { Identity } from "./identity.js";

/** `session`: the session's key, which stays when it goes on in another connection. */
export function clientKey({ user }: Pick<Identity, "user">, session: string, key: string): string {
  // With its length, since a user's id may have any character.
  const own = escaped(key);
  return user === undefined ? `session:${session}:${own}` : `user:${user.length}:${user}:${own}`;
}

/** Of the admin API and the ingest stream. */
export function backendKey(key: string): string {
  return `backend:${escaped(key)}`;
}

/** An entry of the ingest stream without a key is published once all the same. */
export function entryKey(id: string): string {
  return `ingest:${id}`;
}

/** Half surrogates have no bytes of their own in UTF-8: in Redis all of them would be one key. */
function escaped(key: string): string {
  return JSON.stringify(key).slice(1, -1);
}
