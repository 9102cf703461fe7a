/**
 * The identity of a client that connects: by the token in `connect`, else by the one in the request's head,
 * else by the resume token, else by what the application says, else anonymous.
 *
 * At once, unless there is a token to check or the application to ask. The application is not asked about a
 * client that resumes, so that a storm of clients that come back does not reach the application. Invariant:
 * an identity that was proven earlier, or elsewhere, is looked at again, because it may have expired or been
 * revoked since.
 */
import { errors, sessionKey } from "@holdfast/protocol";
import type { Verdict } from "../access/authentication.js";
import type { ConnectQuestion, ForwardedHeaders } from "../access/authorizer.js";
import type { Identity } from "../access/identity.js";
import type { Resumed } from "../access/resume-tokens.js";
import type { Connection } from "../connection/connection.js";
import type { Context } from "../connection/context.js";
import type { Body } from "./command.js";

/** The parts of core that say who a client is. */
export type AuthenticateParts = Pick<Context, "applicationChecks" | "authentication">;

export function whoConnects(
  parts: AuthenticateParts & Pick<Context, "registry">,
  connection: Connection,
  { client, token }: Body<"connect">,
  resumed: Resumed | undefined,
): Verdict | Promise<Verdict> {
  const { authentication, applicationChecks, registry } = parts;
  if (token !== undefined && authentication.takesTokens) return authentication.identify(token, connection);
  const { headers = NO_HEADERS, identity } = registry.requester(connection) ?? {};
  if (identity !== undefined) return stillGood(parts, identity);
  if (resumed?.user !== undefined && resumed.identity !== undefined)
    return stillGood(parts, resumed.identity);
  if (applicationChecks.decideConnect)
    return askWho(parts, { session: sessionKey(connection.id), token, client, headers });
  return whoComes(parts, resumed);
}

/** The identity of a client without a token, by the session that it goes on with. */
export function whoComes(parts: Pick<Context, "authentication">, resumed: Resumed | undefined): Verdict {
  if (resumed?.user === undefined) return parts.authentication.anonymous;
  // Too much to be carried by a resume token: only the token itself says what this user may.
  return resumed.identity === undefined ? { error: errors.unauthorized } : stillGood(parts, resumed.identity);
}

/** By the application. Never rejects. */
export async function askWho(parts: AuthenticateParts, question: ConnectQuestion): Promise<Verdict> {
  const answer = await parts.applicationChecks.connect(question);
  return "error" in answer ? answer : stillGood(parts, answer.identity);
}

export const NO_HEADERS: ForwardedHeaders = Object.freeze({});

function stillGood({ authentication }: Pick<Context, "authentication">, identity: Identity): Verdict {
  const error = authentication.refusal(identity);
  return error === undefined ? { identity } : { error };
}
