/**
 * `subscribe`: adds one channel to a session.
 *
 * In two halves, because a connect asks for many channels at once and answers when it has them all: `request`
 * puts the subscription into the session, so that a second subscribe, an unsubscribe or a close in between
 * finds it; `settle` begins to listen and says what was missed. Between them the broker confirms, and the
 * past is read if need be. Invariant: `settle` and the answer happen in one turn, so nothing is heard before
 * the answer and nothing is missed after it.
 */

import { type EncodableResults, type ErrorCode, errors, type Position } from "@holdfast/protocol";
import { type Grant, withGrant, withoutGrant } from "../access/identity.js";
import { BrokerUnavailable } from "../broker/broker.js";
import { channelOf, channelTopic, type Topic, userTopic } from "../broker/topic.js";
import type { Connection } from "../connection/connection.js";
import type { Context } from "../connection/context.js";
import { changeIdentity } from "../connection/identity-change.js";
import { unsubscribe } from "../connection/release.js";
import type { Session } from "../connection/session.js";
import { Subscription } from "../hub/subscription.js";
import { authorizeSubscribe } from "./authorize-subscribe.js";
import type { Answer, Body, Handler } from "./command.js";
import { forbidden } from "./forbidden.js";
import {
  cancel,
  grant,
  isKnown,
  learn,
  type PresenceFlags,
  type PresenceWish,
  wishOf,
} from "./presence-wish.js";
import { chargeRead, hasReadEnough } from "./reading.js";
import { tellPositions } from "./tell-positions.js";

type Result = EncodableResults["subscribe"];

const MAX_ANSWER_CHARS = 8 * 1024 * 1024;
const NOTHING: Result = Object.freeze({});
/** Without history nothing proves what came after a position: say so rather than guess. */
const UNVERIFIABLE: Result = Object.freeze({ recovered: false, reason: "unverifiable" });

export const subscribe: Handler<"subscribe"> = (context, connection, body) => {
  const problem = authorizeSubscribe(context, connection, body.channel, body.token);
  return problem instanceof Promise
    ? problem.then((late) => permitted(context, connection, body, late))
    : permitted(context, connection, body, problem);
};

function permitted(
  context: Context,
  connection: Connection,
  body: Body<"subscribe">,
  problem: ErrorCode | undefined,
): Answer<Result> | Promise<Answer<Result>> {
  if (problem !== undefined) return { error: problem };
  const wanted = request(context, connection, body.channel, body.since ?? null, body);
  if ("error" in wanted) return wanted;
  const begin = (): Answer<Result> => {
    const answer = settle(context, connection, wanted, newAllowance(context, connection));
    if ("result" in answer) tellPositions(connection, new Map([[body.channel, positionOf(answer.result)]]));
    return answer;
  };
  return wanted.waiting === undefined
    ? begin()
    : wanted.waiting.then((error) => (error === undefined ? begin() : { error }));
}

/** Where a subscription goes on once its answer was read. */
export function positionOf({ offset, epoch }: Partial<Position>): Position | undefined {
  return offset === undefined || epoch === undefined ? undefined : { offset, epoch };
}

/** A subscription on its way. */
export interface Wanted {
  readonly subscription: Subscription;
  readonly since: Position | null;
  readonly wished: PresenceWish | undefined;
  /**
   * Settles with an error, or with none when the subscription can be settled. Undefined when it can be at
   * once.
   */
  readonly waiting: Promise<ErrorCode | undefined> | undefined;
}

/** The first half, for a channel that the session may subscribe to. */
export function request(
  context: Context,
  connection: Connection,
  channel: string,
  since: Position | null,
  flags: PresenceFlags,
): Wanted | { readonly error: ErrorCode } {
  const { session } = connection;
  if (session === undefined) return { error: errors.notConnected };
  const wished = refusal(context, session, channel) ?? wishOf(context, session, channel, flags);
  if (wished === undefined || "watch" in wished)
    return put(context, connection, session, channel, since, wished);
  // What was granted for a subscription that does not come to be would stay as long as the session.
  if (session.find(channelTopic(channel)) === undefined)
    changeIdentity(context, connection, withoutGrant(session.identity, channel));
  return { error: wished };
}

/**
 * An order gives the connection a channel, whatever it may ask for itself: it gets a grant, so that a refresh
 * does not take the channel away. Told by a push; nothing happens where it has the channel, or as many as it
 * may, or the channel is another user's.
 */
export function subscribeByOrder(context: Context, connection: Connection, channel: string): void {
  const { session } = connection;
  // Before its connect is answered nothing may be said to it.
  if (session === undefined || !session.live || hasNoRoom(context, session, channel) !== undefined) return;
  const { access, clock } = context;
  if (!access.may(session.identity, channel, "subscribe")) {
    const grant: Grant = { channel, verbs: ["subscribe"], issuedAt: clock.now() };
    const identity = withGrant(session.identity, grant);
    if (!access.may(identity, channel, "subscribe")) return;
    changeIdentity(context, connection, identity);
  }
  const wanted = put(context, connection, session, channel, null, undefined);
  const tell = (): void => {
    const outcome = settle(context, connection, wanted, newAllowance(context, connection));
    if ("error" in outcome) return;
    const { offset, epoch } = outcome.result;
    connection.push({
      op: "subscribed",
      body: { channel, ...(offset !== undefined && { offset, epoch }) },
    });
  };
  if (wanted.waiting === undefined) return tell();
  void wanted.waiting.then((error) => {
    if (error === undefined) tell();
  });
}

/** Puts the subscription into the session, and says what it waits for. */
function put(
  context: Context,
  connection: Connection,
  session: Session,
  channel: string,
  since: Position | null,
  wished: PresenceWish | undefined,
): Wanted {
  const subscription = enter(context, connection, session, channelTopic(channel));
  // What is here now has to be here when other channels of the same connect have been waited for.
  if (since !== null) subscription.topicState.stream?.pin();
  return again(context, connection, { subscription, since, wished, waiting: undefined });
}

/** The first half for the messages of the session's user, which are no channel. */
export function requestOwn(context: Context, connection: Connection, session: Session, user: string): Wanted {
  const subscription = enter(context, connection, session, userTopic(user));
  const nothing = { since: null, wished: undefined, waiting: undefined };
  return again(context, connection, { subscription, ...nothing });
}

function enter(context: Context, connection: Connection, session: Session, topic: Topic): Subscription {
  const subscription = new Subscription(connection, context.hub.enter(topic));
  session.add(subscription);
  return subscription;
}

/** What has to be waited for now. */
export function again(context: Context, connection: Connection, wanted: Wanted): Wanted {
  const { subscription, since, wished } = wanted;
  const ready =
    subscription.topicState.confirming === undefined &&
    knows(context, subscription, since) &&
    isKnown(context, wished);
  return { subscription, since, wished, waiting: ready ? undefined : wait(context, connection, wanted) };
}

/** What one answer may still hold: that of a connect has many channels, and is one message. */
export interface Allowance {
  chars: number;
}

/**
 * Half of what the SDK takes for a message; nothing where the connection has used up its rate by what it read
 * before.
 */
export function newAllowance(context: Context, connection: Connection): Allowance {
  return { chars: hasReadEnough(context, connection) ? 0 : MAX_ANSWER_CHARS };
}

/**
 * The second half: from now on the connection hears the channel. Called once where `waiting` brought no
 * error.
 */
export function settle(
  context: Context,
  connection: Connection,
  wanted: Wanted,
  allowance: Allowance,
): Answer<Result> {
  const answer = join(context, connection, wanted, allowance);
  if ("error" in answer) cancel(context, wanted.wished);
  // What was kept for it has been copied.
  if (wanted.since !== null) wanted.subscription.topicState.stream?.unpin();
  return answer;
}

function join(
  context: Context,
  connection: Connection,
  { subscription, since, wished }: Wanted,
  allowance: Allowance,
): Answer<Result> {
  const { topicState } = subscription;
  // An unsubscribe or the connection's end may have come in between.
  if (connection.session?.find(topicState.topic) !== subscription) return { error: errors.notSubscribed };
  const position = context.hub.join(topicState, subscription);
  if (topicState.presence !== undefined)
    context.presence?.join(connection, channelOf(topicState.topic) ?? "", topicState.presence);
  const before = allowance.chars;
  const heard = hear(context, subscription, since, position, allowance);
  if (heard.result.publications !== undefined) chargeRead(context, connection, before - allowance.chars);
  if (wished === undefined) return heard;
  const presence = grant(context, connection, subscription, wished);
  if (presence === undefined) return heard;
  for (const member of presence.members) allowance.chars -= member.length;
  const members = allowance.chars < 0 ? [] : presence.members;
  return { result: { ...heard.result, presence: { ...presence, members } } };
}

/** Where it begins to hear the channel, and what it missed. */
function hear(
  { streamReader }: Context,
  { topicState }: Subscription,
  since: Position | null,
  position: Position | undefined,
  allowance: Allowance,
): { readonly result: Result } {
  if (position === undefined || topicState.stream === undefined)
    return { result: since === null ? NOTHING : UNVERIFIABLE };
  if (since === null) return { result: position };
  const recovery = streamReader.recover(topicState.stream, since, position);
  switch (recovery.kind) {
    case "recovered": {
      for (const { data } of recovery.entries) allowance.chars -= data.length;
      if (allowance.chars < 0 && recovery.entries.length > 0)
        return { result: { ...recovery.position, recovered: false, reason: "too_many" } };
      const recovered = { ...recovery.position, recovered: true };
      return {
        result: recovery.entries.length === 0 ? recovered : { ...recovered, publications: recovery.entries },
      };
    }
    case "lost":
      return { result: { ...recovery.position, recovered: false, reason: recovery.reason } };
    case "ahead":
      return { result: { ...position, recovered: false, reason: recovery.reason } };
    case "earlier":
      return { result: { ...position, recovered: false, reason: "too_many" } };
    case "torn":
      return { result: { ...position, recovered: false, reason: "epoch" } };
    // Waited for in vain. What is heard again is not above the position, so a client can tell.
    case "amid":
      return { result: { ...recovery.position, recovered: true } };
  }
}

/**
 * Waits for the broker, and for the past. A failure is a value: one channel of many must not fail the whole
 * connect.
 */
async function wait(
  context: Context,
  connection: Connection,
  { subscription, since, wished }: Wanted,
): Promise<ErrorCode | undefined> {
  const { topicState } = subscription;
  const started = context.clock.monotonic();
  try {
    await topicState.confirming;
    if (since !== null && topicState.stream !== undefined && !knows(context, subscription, since))
      await context.streamReader.learn(topicState, topicState.stream, since);
    await learn(context, wished);
  } catch (error) {
    if (since !== null) topicState.stream?.unpin();
    cancel(context, wished);
    unsubscribe(context, connection, subscription);
    if (error instanceof BrokerUnavailable) return errors.unavailable;
    context.logger.error(
      { connection: connection.id, topic: topicState.topic, err: error },
      "could not subscribe",
    );
    return errors.internal;
  }
  context.metrics.observe("subscribe_seconds", (context.clock.monotonic() - started) / 1000);
  return undefined;
}

function knows({ streamReader }: Context, { topicState }: Subscription, since: Position | null): boolean {
  return (
    since === null ||
    topicState.stream === undefined ||
    streamReader.knows(topicState, topicState.stream, since)
  );
}

function refusal(context: Context, session: Session, channel: string): ErrorCode | undefined {
  // Asked again: the right may have gone while others of the same connect were waited for.
  if (!context.access.may(session.identity, channel, "subscribe"))
    return forbidden(context, session.identity, channel, "subscribe");
  return hasNoRoom(context, session, channel);
}

function hasNoRoom(context: Context, session: Session, channel: string): ErrorCode | undefined {
  if (session.find(channelTopic(channel)) !== undefined) return errors.alreadySubscribed;
  if (session.channels >= context.options.maxChannels) return errors.limitChannels;
  return undefined;
}
