/**
 * `unsubscribe`: takes one channel out of a session.
 */

import { errors } from "@holdfast/protocol";
import { channelTopic } from "../broker/topic.js";
import type { Connection } from "../connection/connection.js";
import type { Context } from "../connection/context.js";
import { unsubscribe as endSubscription, type ReleaseParts } from "../connection/release.js";
import type { Handler } from "./command.js";

type UnsubscribeParts = ReleaseParts<Connection> & Pick<Context, "applicationChecks">;

export const unsubscribe: Handler<"unsubscribe", UnsubscribeParts> = (parts, connection, { channel }) => {
  const subscription = connection.session?.find(channelTopic(channel));
  if (subscription === undefined)
    // The application may be asked about it: then the answer does not count any more.
    return parts.applicationChecks.withdraw(connection, channel)
      ? { result: {} }
      : { error: errors.notSubscribed };
  endSubscription(parts, connection, subscription);
  return { result: {} };
};
