/**
 * The shared secret: a random key that the workers of a cluster have in common, kept in Redis.
 *
 * Invariant: all workers on the same Redis get the same one, whichever asks first. It never reaches a log or
 * an error.
 */
import { randomBytes } from "node:crypto";
import type { ScriptCall } from "./connection/script.js";
import { SCRIPTS } from "./connection/script.js";
import type { RedisKeys } from "./keys.js";

const SECRET_BYTES = 32;
/** 32 bytes in base64url. */
const SECRET = /^[A-Za-z0-9_-]{43}$/;

export function secretCall(keys: RedisKeys): ScriptCall {
  const candidate = randomBytes(SECRET_BYTES).toString("base64url");
  return { script: SCRIPTS.secret, keys: [keys.secret], args: [candidate] };
}

export function secretOf(reply: unknown): string {
  if (typeof reply === "string" && SECRET.test(reply)) return reply;
  throw new Error("Redis holds something else than the secret under its name");
}
