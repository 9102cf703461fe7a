/**
 * `unsubscribe`: takes one channel out of a session.
 */

import { errors } from "@holdfast/protocol";
import { channelTopic } from "../broker/topic.js";
import { unsubscribe as endSubscription } from "../connection/release.js";
import type { Handler } from "./command.js";

export const unsubscribe: Handler<"unsubscribe"> = (context, connection, { channel }) => {
  const subscription = connection.session?.find(channelTopic(channel));
  if (subscription === undefined)
    // The application may be asked about it: then the answer does not count any more.
    return context.applicationChecks.withdraw(connection, channel)
      ? { result: {} }
      : { error: errors.notSubscribed };
  endSubscription(context, connection, subscription);
  return { result: {} };
};
