/**
 * Reasons: an error from Redis as one line that may be logged.
 *
 * ioredis hangs the failed command, arguments and all, on its errors, and old servers quote the arguments of
 * a command they do not know; either may hold a password. Invariant: nothing but a reason leaves this
 * package, never such an error.
 */
import { isNativeError } from "node:util/types";
import type { RedisTarget } from "../target.js";

const MAX_LENGTH = 300;

/** Turns an error into its reason, for the target whose passwords must not appear. */
export type Reasons = (error: unknown) => string;

export function reasonsOf(target: RedisTarget): Reasons {
  const sentinel = target.kind === "sentinel" ? target.sentinelPassword : undefined;
  const secrets = [target.password, sentinel].filter((secret): secret is string => !!secret);
  return (error) => {
    let text = isNativeError(error) ? error.message || error.name : String(error);
    for (const secret of secrets) text = text.replaceAll(secret, "***");
    text = text.replaceAll(/\s+/g, " ");
    return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
  };
}

/** Answers by which Redis says that it is there, and that the gateway may not use it. */
const REFUSALS: readonly (readonly [RegExp, string])[] = [
  [
    /WRONGPASS|invalid password|invalid username-password/i,
    "does not take this user name and password: check them in the URL, where @ : / ? # % are percent-encoded",
  ],
  [/NOAUTH|Authentication required/i, "wants a password: write it into the URL, redis://:password@host"],
  [
    /Unknown RESP type|Protocol error/i,
    "answers, but not as Redis does: check host and port, and write rediss:// where it wants TLS",
  ],
  [/NOPERM/i, "does not let this user do what is needed: give its ACL what docs/operations.md lists"],
];

/**
 * Why Redis refuses those that it can be reached by, and what to do; undefined where the reason is another.
 */
export function refusalIn(reason: string): string | undefined {
  return REFUSALS.find(([pattern]) => pattern.test(reason))?.[1];
}
