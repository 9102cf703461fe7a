/**
 * `refresh`: a new token for a live connection, or for one subscription that has a token of its own.
 *
 * It must be the same user's. What the new token does not allow any more is taken away; what its `subs` name anew is not
 * subscribed: that happens at connect.
 */
import { disconnects, errors } from "@holdfast/protocol";
import { withGrant } from "../identity.js";
import { changeIdentity } from "../identity-change.js";
import { channelTopic } from "../topic.js";
import type { Handler } from "./command.js";

export const refresh: Handler<"refresh"> = async (context, connection, { token }) => {
  const proof = await context.authentication.prove(token);
  const { session } = connection;
  if (session === undefined) return { error: errors.notConnected };
  if (proof.kind === "refused") return { error: proof.error };
  if (proof.kind === "grant") {
    const { grant, user } = proof;
    if (user !== session.user) return { error: errors.wrongUser };
    if (session.find(channelTopic(grant.channel)) === undefined) return { error: errors.notSubscribed };
    changeIdentity(context, connection, withGrant(session.identity, grant), disconnects.forbidden);
    return { result: ending(grant) };
  }
  const { identity } = proof;
  if (identity.user !== session.user) return { error: errors.wrongUser };
  const { grants } = session.identity;
  changeIdentity(context, connection, { ...identity, grants }, disconnects.forbidden);
  const resumeToken = context.resumeTokens.issue(connection.id, session.identity);
  return { result: { ...ending(identity), ...(resumeToken !== undefined && { resumeToken }) } };
};

function ending({ expiresAt }: { readonly expiresAt?: number | undefined }): { readonly expiresAt?: number } {
  return expiresAt === undefined ? {} : { expiresAt };
}
