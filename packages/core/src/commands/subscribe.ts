/**
 * `subscribe`: adds one channel to a session.
 *
 * In two halves, because a connect asks for many channels at once and answers when it has them all: `request` puts the
 * subscription into the session, so that a second subscribe, an unsubscribe or a close in between finds it; `settle` begins
 * to listen and says what was missed. Between them the broker confirms, and the past is read if need be. Invariant:
 * `settle` and the answer happen in one turn, so nothing is heard before the answer and nothing is missed after it.
 */
import { type EncodableResults, type ErrorCode, errors, type Position } from "@holdfast/protocol";
import { BrokerUnavailable } from "../broker.js";
import type { Connection } from "../connection.js";
import type { Context } from "../context.js";
import type { Session } from "../session.js";
import { Subscription } from "../subscription.js";
import { channelTopic, type Topic, userTopic } from "../topic.js";
import type { Answer, Handler } from "./command.js";
import { permit } from "./permission.js";

type Result = EncodableResults["subscribe"];

const NOTHING: Result = Object.freeze({});
/** Without history nothing proves what came after a position: say so rather than guess. */
const UNVERIFIABLE: Result = Object.freeze({ recovered: false, reason: "unverifiable" });

export const subscribe: Handler<"subscribe"> = (context, connection, { channel, since = null, token }) => {
  const problem = permit(context, connection, channel, token);
  return problem instanceof Promise
    ? problem.then((late) => permitted(context, connection, channel, since, late))
    : permitted(context, connection, channel, since, problem);
};

function permitted(
  context: Context,
  connection: Connection,
  channel: string,
  since: Position | null,
  problem: ErrorCode | undefined,
): Answer<Result> | Promise<Answer<Result>> {
  if (problem !== undefined) return { error: problem };
  const wanted = request(context, connection, channel, since);
  if ("error" in wanted) return wanted;
  const begin = (): Answer<Result> => {
    const answer = settle(context, connection, wanted, newAllowance());
    if ("result" in answer) connection.stands(new Map([[channel, positionOf(answer.result)]]));
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
  /** Settles with an error, or with none when the subscription can be settled. Undefined when it can be at once. */
  readonly waiting: Promise<ErrorCode | undefined> | undefined;
}

/** The first half, for a channel that the session may subscribe to. */
export function request(
  context: Context,
  connection: Connection,
  channel: string,
  since: Position | null,
): Wanted | { readonly error: ErrorCode } {
  const { session } = connection;
  if (session === undefined) return { error: errors.notConnected };
  const problem = refusal(context, session, channel);
  if (problem !== undefined) return { error: problem };
  const subscription = enter(context, connection, session, channelTopic(channel));
  // What is here now has to be here when other channels of the same connect have been waited for.
  if (since !== null) subscription.place.stream?.pin();
  return again(context, connection, { subscription, since, waiting: undefined });
}

/** The first half for the messages of the session's user, which are no channel. */
export function requestOwn(context: Context, connection: Connection, session: Session, user: string): Wanted {
  const subscription = enter(context, connection, session, userTopic(user));
  return again(context, connection, { subscription, since: null, waiting: undefined });
}

function enter(context: Context, connection: Connection, session: Session, topic: Topic): Subscription {
  const subscription = new Subscription(connection, context.hub.enter(topic));
  session.add(subscription);
  return subscription;
}

/** What has to be waited for now. */
export function again(context: Context, connection: Connection, { subscription, since }: Wanted): Wanted {
  const ready = subscription.place.confirming === undefined && knows(context, subscription, since);
  return { subscription, since, waiting: ready ? undefined : wait(context, connection, subscription, since) };
}

/** What one answer may still hold: that of a connect has many channels, and is one message. */
export interface Allowance {
  chars: number;
}

/** Half of what the SDK takes for a message. */
export function newAllowance(): Allowance {
  return { chars: 8 * 1024 * 1024 };
}

/** The second half: from now on the connection hears the channel. Called once where `waiting` brought no error. */
export function settle(
  context: Context,
  connection: Connection,
  wanted: Wanted,
  allowance: Allowance,
): Answer<Result> {
  const answer = join(context, connection, wanted, allowance);
  // What was kept for it has been copied.
  if (wanted.since !== null) wanted.subscription.place.stream?.unpin();
  return answer;
}

function join(
  { hub, continuity }: Context,
  connection: Connection,
  { subscription, since }: Wanted,
  allowance: Allowance,
): Answer<Result> {
  const { place } = subscription;
  // An unsubscribe or the connection's end may have come in between.
  if (connection.session?.find(place.topic) !== subscription) return { error: errors.notSubscribed };
  const position = hub.join(place, subscription);
  if (position === undefined || place.stream === undefined)
    return { result: since === null ? NOTHING : UNVERIFIABLE };
  if (since === null) return { result: position };
  const recovery = continuity.recover(place.stream, since, position);
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
  }
}

/** Waits for the broker, and for the past. A failure is a value: one channel of many must not fail the whole connect. */
async function wait(
  context: Context,
  connection: Connection,
  subscription: Subscription,
  since: Position | null,
): Promise<ErrorCode | undefined> {
  const { place } = subscription;
  const started = context.clock.monotonic();
  try {
    await place.confirming;
    if (since !== null && place.stream !== undefined && !knows(context, subscription, since))
      await context.continuity.learn(place, place.stream, since);
  } catch (error) {
    if (since !== null) place.stream?.unpin();
    connection.unsubscribe(subscription);
    if (error instanceof BrokerUnavailable) return errors.unavailable;
    context.logger.error(
      { connection: connection.id, topic: place.topic, err: error },
      "could not subscribe",
    );
    return errors.internal;
  }
  context.metrics.observe("subscribe_seconds", (context.clock.monotonic() - started) / 1000);
  return undefined;
}

function knows({ continuity }: Context, { place }: Subscription, since: Position | null): boolean {
  return since === null || place.stream === undefined || continuity.knows(place, place.stream, since);
}

function refusal(context: Context, session: Session, channel: string): ErrorCode | undefined {
  // Asked again: the right may have gone while others of the same connect were waited for.
  if (!context.access.may(session.identity, channel, "subscribe")) return errors.forbidden;
  if (session.find(channelTopic(channel)) !== undefined) return errors.alreadySubscribed;
  if (session.channels >= context.options.maxChannels) return errors.limitChannels;
  return undefined;
}
