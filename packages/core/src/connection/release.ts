/**
 * Release: what a connection lets go of at its end, and what one subscription lets go of at its own.
 *
 * Invariant: afterwards no topic, no view of presence and no timer knows it. What may come back, as a
 * detached session or within the grace of presence, is held for the session and not for the connection.
 */
import { mayReconnect, sessionKey } from "@holdfast/protocol";
import { type Identity, withoutGrant } from "../access/identity.js";
import { channelOf } from "../broker/topic.js";
import type { WriterCork } from "../delivery/cork.js";
import type { Recipient } from "../delivery/recipient.js";
import type { SlowSubscription } from "../delivery/slow-consumers.js";
import type { EventSink } from "../events/event-sink.js";
import type { Hub } from "../hub/hub.js";
import type { Subscription } from "../hub/subscription.js";
import type { MemberConnection, WorkerPresence } from "../presence/presence.js";
import type { Detached } from "./detached.js";
import type { Session } from "./session.js";

/** A connection that lets go. */
export interface ReleasedConnection extends MemberConnection {
  readonly session: Session | undefined;
}

/** The parts of core that know of a connection. */
export interface ReleaseParts<C> {
  readonly cork: WriterCork;
  readonly detached: Detached;
  readonly events: EventSink | undefined;
  readonly expiries: {
    moved(connection: C, before: Identity, after: Identity): void;
    forget(connection: C, identity: Identity): void;
  };
  /** What its client said behind a connect that will not be answered. */
  readonly held: { forget(connection: C): void };
  readonly hub: Hub;
  readonly presence: WorkerPresence | undefined;
  readonly registry: { disconnected(connection: C): void };
  readonly slowConsumers: { forget(subscription: SlowSubscription): void };
}

export interface Leaving {
  /** Whether it may come back here as the session that it was. */
  readonly detach: boolean;
  /** Why we end it; undefined where we do not. */
  readonly code?: number | undefined;
}

/** The connection ends, with its session if it has one. */
export function releaseConnection<C extends ReleasedConnection>(
  parts: ReleaseParts<C>,
  connection: C,
  { detach, code }: Leaving,
): void {
  const { detached, events, expiries, held, hub, presence, registry, slowConsumers } = parts;
  const { session } = connection;
  // One that was not answered yet has had no beginning.
  if (events !== undefined && session?.live === true)
    events.tell({ type: "disconnect", session: sessionKey(connection.id), user: session.user, code });
  const subscriptions = session?.subscriptions ?? [];
  const isResumable = session?.resumable === true;
  if (presence !== undefined) {
    const lingers = isResumable && (code === undefined || mayReconnect(code));
    absent(presence, connection, subscriptions, lingers);
  }
  // A client without a token cannot come back as this session; without a stream there is nothing to come back
  // to.
  const topicStates =
    detach && isResumable && detached.enabled
      ? subscriptions.map(({ topicState }) => topicState).filter(({ stream }) => stream !== undefined)
      : [];
  for (const topicState of topicStates) hub.hold(topicState);
  for (const subscription of subscriptions) {
    slowConsumers.forget(subscription);
    hub.leave(subscription.topicState, subscription);
  }
  if (topicStates.length > 0) detached.add(sessionKey(connection.id), topicStates);
  held.forget(connection);
  registry.disconnected(connection);
  if (session !== undefined) expiries.forget(connection, session.identity);
}

/** Ends a subscription, if it is still there. */
export function unsubscribe<C extends ReleasedConnection & Recipient>(
  parts: ReleaseParts<C>,
  connection: C,
  subscription: Subscription,
): void {
  const { session, transport } = connection;
  if (!session?.remove(subscription)) return;
  const channel = channelOf(subscription.topic);
  if (channel !== undefined && transport.unsubscribed !== undefined) {
    parts.cork.release(connection);
    transport.unsubscribed(channel);
  }
  releaseSubscription(parts, connection, session, subscription);
}

/** A subscription that was taken out of the session ends, with what was granted for it. */
function releaseSubscription<C extends ReleasedConnection>(
  { expiries, hub, presence, slowConsumers }: ReleaseParts<C>,
  connection: C,
  session: Session,
  subscription: Subscription,
): void {
  const { topicState, topic } = subscription;
  const channel = channelOf(topic) ?? "";
  slowConsumers.forget(subscription);
  if (topicState.presence !== undefined) presence?.leave(connection, channel, subscription);
  hub.leave(topicState, subscription);
  const { identity } = session;
  if (identity.grants === undefined) return;
  const next = withoutGrant(identity, channel);
  expiries.moved(connection, identity, next);
  session.become(next);
}

/** Leaves the channels that have presence: at once, or when its grace is over. */
function absent(
  presence: WorkerPresence,
  connection: ReleasedConnection,
  subscriptions: readonly Subscription[],
  lingers: boolean,
): void {
  const channels: string[] = [];
  for (const subscription of subscriptions) {
    const { topicState } = subscription;
    if (topicState.presence === undefined) continue;
    const channel = channelOf(topicState.topic) ?? "";
    if (lingers) {
      presence.watches.leave(channel, subscription);
      channels.push(channel);
    } else presence.leave(connection, channel, subscription);
  }
  if (channels.length > 0) presence.holdForGrace(connection, channels);
}
