/**
 * A session's identity changes: by a refresh, by a grant, by a grant's end.
 *
 * Invariant: afterwards the session has no channel that its identity may not subscribe, and its client was
 * told of each that it lost.
 */

import { type DisconnectCode, disconnects } from "@holdfast/protocol";
import type { Identity } from "../access/identity.js";
import { channelOf } from "../broker/topic.js";
import type { Connection } from "./connection.js";
import type { Context } from "./context.js";
import { unsubscribe } from "./release.js";

export function changeIdentity(
  context: Context,
  connection: Connection,
  next: Identity,
  row: DisconnectCode = disconnects.forbidden,
): void {
  const { session } = connection;
  if (session === undefined || session.identity === next) return;
  context.expiries.moved(connection, session.identity, next);
  const shown = session.identity.info !== next.info;
  session.become(next);
  for (const subscription of session.subscriptions) {
    const channel = channelOf(subscription.topic);
    if (channel === undefined) continue;
    if (context.access.may(next, channel, "subscribe")) {
      const { presence } = subscription.topicState;
      if (presence === undefined) continue;
      if (shown && subscription.slot !== -1) context.presence?.join(connection, channel, presence);
      if (!context.access.may(next, channel, "presence"))
        context.presence?.watches.leave(channel, subscription);
      continue;
    }
    context.metrics.add("subscriptions_withdrawn", 1);
    unsubscribe(context, connection, subscription);
    connection.push({ op: "unsubscribed", body: { channel, code: row.code } });
  }
}
