/**
 * Whether a session may subscribe to a channel. Its identity decides at once, or else a token for the channel
 * or the application.
 *
 * What was allowed here is kept in the session as a grant, so that `Access` gives the same answer later.
 */
import { disconnects, type ErrorCode, errors } from "@holdfast/protocol";
import { type Verb, withGrant } from "../access/identity.js";
import type { Connection } from "../connection/connection.js";
import type { Context } from "../connection/context.js";
import { changeIdentity, type IdentityChangeParts } from "../connection/identity-change.js";
import { type ForbiddenParts, forbidden } from "./forbidden.js";

/** The parts of core that decide on a subscription. */
export type AuthorizeParts = ForbiddenParts &
  IdentityChangeParts &
  Pick<Context, "applicationChecks" | "authentication" | "clock" | "options">;

/**
 * Undefined: it may. `token`: a subscription token, looked at only where nothing else allows the channel.
 * Without one the application is asked, if it wants to be.
 */
export function authorizeSubscribe(
  parts: AuthorizeParts,
  connection: Connection,
  channel: string,
  token: string | undefined,
): ErrorCode | undefined | Promise<ErrorCode | undefined> {
  const { session } = connection;
  if (session === undefined) return errors.notConnected;
  if (parts.access.may(session.identity, channel, "subscribe")) return undefined;
  const isAsked = token === undefined && parts.applicationChecks.decideSubscribe(session.identity, channel);
  if (token === undefined && !isAsked) return forbidden(parts, session.identity, channel, "subscribe");
  if (session.channels >= parts.options.maxChannels) return errors.limitChannels;
  return token === undefined
    ? permitByApplication(parts, connection, channel)
    : permitByToken(parts, connection, channel, token);
}

/**
 * A yes is for this channel, for as long as the subscription lasts, and for all that a subscriber may read.
 */
async function permitByApplication(
  parts: AuthorizeParts,
  connection: Connection,
  channel: string,
): Promise<ErrorCode | undefined> {
  const error = await parts.applicationChecks.subscribe(connection, channel);
  const { session } = connection;
  // It may have ended meanwhile.
  if (session === undefined) return errors.notConnected;
  if (error !== undefined) return error;
  const allowed = withGrant(session.identity, { channel, verbs: READING, issuedAt: parts.clock.now() });
  changeIdentity(parts, connection, allowed, disconnects.forbidden);
  return undefined;
}

const READING: readonly Verb[] = Object.freeze(["subscribe", "presence", "history"]);

async function permitByToken(
  parts: AuthorizeParts,
  connection: Connection,
  channel: string,
  token: string,
): Promise<ErrorCode | undefined> {
  const proof = await parts.authentication.prove(token, connection);
  const { session } = connection;
  if (session === undefined) return errors.notConnected;
  if (proof.kind === "refused") return proof.error;
  if (proof.kind === "identity") {
    return { ...errors.badToken, message: "That token is no subscription token: it names no `channel`." };
  }
  if (proof.user !== session.user) return errors.wrongUser;
  if (proof.grant.channel !== channel) {
    const message = "That subscription token is for another channel: its claim `channel` names one.";
    return { ...errors.forbidden, message };
  }
  const next = withGrant(session.identity, proof.grant);
  // It grants what its verbs say, and never another user's channel; what is no subscription leaves
  // nothing behind.
  if (!parts.access.may(next, channel, "subscribe")) return forbidden(parts, next, channel, "subscribe");
  changeIdentity(parts, connection, next, disconnects.forbidden);
  return undefined;
}
