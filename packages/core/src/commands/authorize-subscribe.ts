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
import { changeIdentity } from "../connection/identity-change.js";
import { forbidden } from "./forbidden.js";

/**
 * Undefined: it may. `token`: a subscription token, looked at only where nothing else allows the channel.
 * Without one the application is asked, if it wants to be.
 */
export function authorizeSubscribe(
  context: Context,
  connection: Connection,
  channel: string,
  token: string | undefined,
): ErrorCode | undefined | Promise<ErrorCode | undefined> {
  const { session } = connection;
  if (session === undefined) return errors.notConnected;
  if (context.access.may(session.identity, channel, "subscribe")) return undefined;
  const isAsked = token === undefined && context.applicationChecks.decideSubscribe(session.identity, channel);
  if (token === undefined && !isAsked) return forbidden(context, session.identity, channel, "subscribe");
  if (session.channels >= context.options.maxChannels) return errors.limitChannels;
  return token === undefined
    ? permitByApplication(context, connection, channel)
    : permitByToken(context, connection, channel, token);
}

/**
 * A yes is for this channel, for as long as the subscription lasts, and for all that a subscriber may read.
 */
async function permitByApplication(
  context: Context,
  connection: Connection,
  channel: string,
): Promise<ErrorCode | undefined> {
  const error = await context.applicationChecks.subscribe(connection, channel);
  const { session } = connection;
  // It may have ended meanwhile.
  if (session === undefined) return errors.notConnected;
  if (error !== undefined) return error;
  const allowed = withGrant(session.identity, { channel, verbs: READING, issuedAt: context.clock.now() });
  changeIdentity(context, connection, allowed, disconnects.forbidden);
  return undefined;
}

const READING: readonly Verb[] = Object.freeze(["subscribe", "presence", "history"]);

async function permitByToken(
  context: Context,
  connection: Connection,
  channel: string,
  token: string,
): Promise<ErrorCode | undefined> {
  const proof = await context.authentication.prove(token, connection);
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
  if (!context.access.may(next, channel, "subscribe")) return forbidden(context, next, channel, "subscribe");
  changeIdentity(context, connection, next, disconnects.forbidden);
  return undefined;
}
