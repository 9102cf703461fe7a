/**
 * Reasons: an error from Redis as one line that may be logged.
 *
 * ioredis hangs the failed command, arguments and all, on its errors, and old servers quote the arguments of a command
 * they do not know; either may hold a password. Invariant: nothing but a reason leaves this package, never such an error.
 */
import { isNativeError } from "node:util/types";
import type { RedisTarget } from "./target.js";

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
