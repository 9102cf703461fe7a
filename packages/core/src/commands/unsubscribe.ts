/**
 * `unsubscribe`: takes one channel out of a session.
 */
import { errors } from "@holdfast/protocol";
import { channelTopic } from "../topic.js";
import type { Handler } from "./command.js";

export const unsubscribe: Handler<"unsubscribe"> = (_context, connection, { channel }) => {
  const subscription = connection.session?.find(channelTopic(channel));
  if (subscription === undefined) return { error: errors.notSubscribed };
  connection.unsubscribe(subscription);
  return { result: {} };
};
