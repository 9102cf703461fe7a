/**
 * How commands name the client that they look at: by its session or its user.
 *
 * Invariant: exactly one of the two is said.
 */
import { Failure } from "../failure.js";

export interface ClientOption {
  readonly user?: string | undefined;
  readonly session?: string | undefined;
}

/** As the admin API is asked. Throws a `Failure` for none or both; `how` says what to write. */
export function clientQuery({ user, session }: ClientOption, how: string): Readonly<Record<string, string>> {
  if ((user === undefined) === (session === undefined)) throw new Failure(how, 2);
  return user === undefined ? { session: session ?? "" } : { user };
}

/** `session 0a1b` or `user ada`, as it was said. */
export function clientText({ user, session }: ClientOption): string {
  return user === undefined ? `session ${JSON.stringify(session)}` : `user ${JSON.stringify(user)}`;
}
