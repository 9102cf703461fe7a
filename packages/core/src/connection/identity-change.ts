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
import { type ReleaseParts, unsubscribe } from "./release.js";

/** The parts of core that a change of identity uses. */
export type IdentityChangeParts = ReleaseParts<Connection> & Pick<Context, "access" | "metrics">;

export function changeIdentity(
  parts: IdentityChangeParts,
  connection: Connection,
  next: Identity,
  row: DisconnectCode = disconnects.forbidden,
): void {
  const { session } = connection;
  if (session === undefined || session.identity === next) return;
  parts.expiries.moved(connection, session.identity, next);
  const shown = session.identity.info !== next.info;
  session.become(next);
  for (const subscription of session.subscriptions) {
    const channel = channelOf(subscription.topic);
    if (channel === undefined) continue;
    if (parts.access.may(next, channel, "subscribe")) {
      const { presence } = subscription.topicState;
      if (presence === undefined) continue;
      if (shown && subscription.slot !== -1) parts.presence?.join(connection, channel, presence);
      if (!parts.access.may(next, channel, "presence")) parts.presence?.watches.leave(channel, subscription);
      continue;
    }
    parts.metrics.add("subscriptions_withdrawn", 1);
    unsubscribe(parts, connection, subscription);
    connection.push({ op: "unsubscribed", body: { channel, code: row.code } });
  }
}
