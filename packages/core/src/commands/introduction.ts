/**
 * Who connects: by the token in `connect`, else by the one in the request's head, else by the resume token, else nobody in
 * particular.
 *
 * At once, unless there is a token to check. Invariant: an identity that was proven earlier is looked at again, because it may have
 * expired or been revoked since.
 */
import { errors } from "@holdfast/protocol";
import type { Verdict } from "../authentication.js";
import type { Connection } from "../connection.js";
import type { Context } from "../context.js";
import type { Identity } from "../identity.js";
import type { Resumed } from "../resume-tokens.js";

export function whoConnects(
  context: Context,
  connection: Connection,
  token: string | undefined,
  resumed: Resumed | undefined,
): Verdict | Promise<Verdict> {
  const { authentication, registry } = context;
  if (token !== undefined && authentication.takesTokens) return authentication.identify(token);
  const introduced = registry.introduced(connection);
  if (introduced !== undefined) return stillGood(context, introduced);
  return whoComes(context, resumed);
}

/** Who somebody without a token is, by the session that he goes on with. */
export function whoComes(context: Context, resumed: Resumed | undefined): Verdict {
  if (resumed?.user === undefined) return context.authentication.anonymous;
  // Too much to be carried by a resume token: only the token itself says what this user may.
  return resumed.identity === undefined
    ? { error: errors.unauthorized }
    : stillGood(context, resumed.identity);
}

function stillGood({ authentication }: Context, identity: Identity): Verdict {
  const error = authentication.refusal(identity);
  return error === undefined ? { identity } : { error };
}
