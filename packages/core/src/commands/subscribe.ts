/**
 * `subscribe`: adds one channel to a session.
 *
 * It has two halves, because `connect` asks for many channels at once and answers when it has them all:
 * - `request` puts the subscription into the session, so that a second subscribe, an unsubscribe or a close
 *   in between finds it;
 * - `settle` begins to listen and says what was missed.
 *
 * Between the two the broker confirms the topic, and the log is read where that is needed. Invariant:
 * `settle` and the answer happen in one turn of the event loop. So no publication is sent before the answer,
 * and none is missed after it.
 */

import { type EncodableResults, type ErrorCode, errors, type Position } from "@holdfast/protocol";
import { type Grant, withGrant, withoutGrant } from "../access/identity.js";
import { channelTopic, userTopic } from "../broker/topic.js";
import type { Connection } from "../connection/connection.js";
import type { Context } from "../connection/context.js";
import { changeIdentity } from "../connection/identity-change.js";
import type { Session } from "../connection/session.js";
import { type AuthorizeParts, authorizeSubscribe } from "./authorize-subscribe.js";
import type { Answer, Body, Handler } from "./command.js";
import { forbidden } from "./forbidden.js";
import { newAllowance, PendingSubscribe, type PendingSubscribeParts } from "./pending-subscribe.js";
import { type PresenceFlags, wishOf } from "./presence-wish.js";
import { tellPositions } from "./tell-positions.js";

type Result = EncodableResults["subscribe"];

/** The parts of core that a new subscription uses. */
export type SubscribeParts = AuthorizeParts & PendingSubscribeParts & Pick<Context, "namespaces">;

export const subscribe: Handler<"subscribe", SubscribeParts> = (parts, connection, body) => {
  const problem = authorizeSubscribe(parts, connection, body.channel, body.token);
  return problem instanceof Promise
    ? problem.then((late) => permitted(parts, connection, body, late))
    : permitted(parts, connection, body, problem);
};

function permitted(
  parts: SubscribeParts,
  connection: Connection,
  body: Body<"subscribe">,
  problem: ErrorCode | undefined,
): Answer<Result> | Promise<Answer<Result>> {
  if (problem !== undefined) return { error: problem };
  const pending = request(parts, connection, body.channel, body.since ?? null, body);
  if ("error" in pending) return pending;
  const begin = (): Answer<Result> => {
    const answer = pending.complete(newAllowance(parts, connection));
    if ("result" in answer) tellPositions(connection, new Map([[body.channel, positionOf(answer.result)]]));
    return answer;
  };
  return pending.waiting === undefined
    ? begin()
    : pending.waiting.then((error) => (error === undefined ? begin() : { error }));
}

/** Where a subscription goes on once its answer was read. */
export function positionOf({ offset, epoch }: Partial<Position>): Position | undefined {
  return offset === undefined || epoch === undefined ? undefined : { offset, epoch };
}

/** Enters a channel that the session may subscribe to, and begins to wait for what that needs. */
export function request(
  parts: SubscribeParts,
  connection: Connection,
  channel: string,
  since: Position | null,
  flags: PresenceFlags,
): PendingSubscribe | { readonly error: ErrorCode } {
  const { session } = connection;
  if (session === undefined) return { error: errors.notConnected };
  const wished = refusal(parts, session, channel) ?? wishOf(parts, session, channel, flags);
  if (wished === undefined || "watch" in wished)
    return new PendingSubscribe(parts, connection, session, channelTopic(channel), since, wished).prepare();
  // What was granted for a subscription that does not come to be would stay as long as the session.
  if (session.find(channelTopic(channel)) === undefined)
    changeIdentity(parts, connection, withoutGrant(session.identity, channel));
  return { error: wished };
}

/**
 * An order gives the connection a channel, whatever it may ask for itself: it gets a grant, so that a refresh
 * does not take the channel away. Told by a push; nothing happens where it has the channel, or as many as it
 * may, or the channel is another user's.
 */
export function subscribeByOrder(parts: SubscribeParts, connection: Connection, channel: string): void {
  const { session } = connection;
  // Before its connect is answered nothing may be said to it.
  if (session === undefined || !session.live || hasNoRoom(parts, session, channel) !== undefined) return;
  const { access, clock } = parts;
  if (!access.may(session.identity, channel, "subscribe")) {
    const grant: Grant = { channel, verbs: ["subscribe"], issuedAt: clock.now() };
    const identity = withGrant(session.identity, grant);
    if (!access.may(identity, channel, "subscribe")) return;
    changeIdentity(parts, connection, identity);
  }
  const pending = new PendingSubscribe(parts, connection, session, channelTopic(channel)).prepare();
  const tell = (): void => {
    const outcome = pending.complete(newAllowance(parts, connection));
    if ("error" in outcome) return;
    const { offset, epoch } = outcome.result;
    connection.push({
      op: "subscribed",
      body: { channel, ...(offset !== undefined && { offset, epoch }) },
    });
  };
  if (pending.waiting === undefined) return tell();
  void pending.waiting.then((error) => {
    if (error === undefined) tell();
  });
}

/** The same for the messages of the session's user, which are no channel. */
export function requestOwn(
  parts: SubscribeParts,
  connection: Connection,
  session: Session,
  user: string,
): PendingSubscribe {
  return new PendingSubscribe(parts, connection, session, userTopic(user)).prepare();
}

function refusal(parts: SubscribeParts, session: Session, channel: string): ErrorCode | undefined {
  // Asked again: the right may have gone while others of the same connect were waited for.
  if (!parts.access.may(session.identity, channel, "subscribe"))
    return forbidden(parts, session.identity, channel, "subscribe");
  return hasNoRoom(parts, session, channel);
}

function hasNoRoom(parts: SubscribeParts, session: Session, channel: string): ErrorCode | undefined {
  if (session.find(channelTopic(channel)) !== undefined) return errors.alreadySubscribed;
  if (session.channels >= parts.options.maxChannels) return errors.limitChannels;
  return undefined;
}
