/**
 * `subscribe`: adds one channel to a session.
 *
 * The subscription stands in the session before the broker has confirmed it, so that a second subscribe, an
 * unsubscribe or a close in between finds it.
 */
import { type ErrorCode, errors, type Position, type SubscribeResult } from "@holdfast/protocol";
import { BrokerUnavailable } from "../broker.js";
import type { Connection } from "../connection.js";
import type { Context } from "../context.js";
import type { Session } from "../session.js";
import { Subscription } from "../subscription.js";
import { channelTopic } from "../topic.js";
import type { Answer, Handler } from "./command.js";

export const subscribe: Handler<"subscribe"> = (context, connection, { channel, since }) =>
  subscribeTo(context, connection, channel, since ?? null);

/** Subscribes a connection that has a session. Also the way of `connect.subs` and of the URL. */
export function subscribeTo(
  context: Context,
  connection: Connection,
  channel: string,
  since: Position | null,
): Answer<SubscribeResult> | Promise<Answer<SubscribeResult>> {
  const { session } = connection;
  if (session === undefined) return { error: errors.notConnected };
  const problem = refusal(context, session, channel);
  if (problem !== undefined) return { error: problem };
  const subscription = new Subscription(connection, context.hub.known(channelTopic(channel)));
  session.add(subscription);
  const joining = context.hub.join(subscription.topic, subscription);
  if (joining === undefined) return { result: verdict(since) };
  return confirm(context, connection, subscription, joining, since);
}

async function confirm(
  context: Context,
  connection: Connection,
  subscription: Subscription,
  joining: Promise<void>,
  since: Position | null,
): Promise<Answer<SubscribeResult>> {
  const started = context.clock.monotonic();
  try {
    await joining;
  } catch (error) {
    connection.unsubscribe(subscription);
    if (error instanceof BrokerUnavailable) return { error: errors.unavailable };
    // A value here too: one channel of many must not fail the whole `connect`.
    context.logger.error(
      { connection: connection.id, topic: subscription.topic, err: error },
      "could not subscribe",
    );
    return { error: errors.internal };
  }
  context.metrics.observe("subscribe_seconds", (context.clock.monotonic() - started) / 1000);
  if (connection.session?.find(subscription.topic) !== subscription) return { error: errors.notSubscribed };
  return { result: verdict(since) };
}

function refusal(context: Context, session: Session, channel: string): ErrorCode | undefined {
  if (!context.namespaces.maySubscribe(channel, session.user)) return errors.forbidden;
  if (session.find(channelTopic(channel)) !== undefined) return errors.alreadySubscribed;
  if (session.size >= context.options.maxChannels) return errors.limitChannels;
  return undefined;
}

/** Without history nothing proves what came after a position: say so rather than guess. */
function verdict(since: Position | null): SubscribeResult {
  return since === null ? {} : { recovered: false, reason: "unverifiable" };
}
