/**
 * `unsubscribe`: takes one channel out of a session.
 */
import { errors } from "@holdfast/protocol";
import { channelTopic } from "../broker/topic.js";
import type { Handler } from "./command.js";

export const unsubscribe: Handler<"unsubscribe"> = ({ applicationChecks }, connection, { channel }) => {
  const subscription = connection.session?.find(channelTopic(channel));
  if (subscription === undefined)
    // The application may be asked about it: then the answer does not count any more.
    return applicationChecks.withdraw(connection, channel) ? { result: {} } : { error: errors.notSubscribed };
  connection.unsubscribe(subscription);
  return { result: {} };
};
