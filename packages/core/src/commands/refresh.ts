/**
 * `refresh`: a new token for a live connection, or for one subscription that has a token of its own.
 *
 * It must be the same user's. What the new token does not allow any more is taken away; what its `subs` name
 * anew is not subscribed: that happens at connect.
 */
import { disconnects, errors, sessionKey } from "@holdfast/protocol";
import type { Proof } from "../access/authenticator.js";
import { withGrant } from "../access/identity.js";
import { channelTopic } from "../broker/topic.js";
import type { Connection } from "../connection/connection.js";
import { changeIdentity, type IdentityChangeParts } from "../connection/identity-change.js";
import { type AuthenticateParts, askWho, NO_HEADERS } from "./authenticate.js";
import type { Handler } from "./command.js";

type RefreshParts = AuthenticateParts & IdentityChangeParts;

export const refresh: Handler<"refresh", RefreshParts> = async (parts, connection, { token }) => {
  const proof = await check(parts, connection, token);
  const { session } = connection;
  if (session === undefined) return { error: errors.notConnected };
  if (proof.kind === "refused") return { error: proof.error };
  if (proof.kind === "grant") {
    const { grant, user } = proof;
    if (user !== session.user) return { error: errors.wrongUser };
    if (session.find(channelTopic(grant.channel)) === undefined) return { error: errors.notSubscribed };
    changeIdentity(parts, connection, withGrant(session.identity, grant), disconnects.forbidden);
    return { result: ending(grant) };
  }
  const { identity } = proof;
  if (identity.user !== session.user) return { error: errors.wrongUser };
  const { grants } = session.identity;
  changeIdentity(parts, connection, { ...identity, grants }, disconnects.forbidden);
  const resumeToken = connection.newResumeToken();
  return { result: { ...ending(identity), ...(resumeToken !== undefined && { resumeToken }) } };
};

function ending({ expiresAt }: { readonly expiresAt?: number | undefined }): { readonly expiresAt?: number } {
  return expiresAt === undefined ? {} : { expiresAt };
}

/** By the keys, or where there are none by the application that said who it was. */
async function check(parts: AuthenticateParts, connection: Connection, token: string): Promise<Proof> {
  const { authentication, applicationChecks } = parts;
  if (authentication.takesTokens || !applicationChecks.decideConnect)
    return authentication.prove(token, connection);
  const question = { session: sessionKey(connection.id), token, client: undefined, headers: NO_HEADERS };
  const who = await askWho(parts, question);
  return "error" in who
    ? { kind: "refused", error: who.error }
    : { kind: "identity", identity: who.identity };
}
