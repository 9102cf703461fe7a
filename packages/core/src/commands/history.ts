/**
 * `history`: reads a channel's past, forward or backward, in pages.
 *
 * Who may read is `Access`' to say.
 */
import { errors } from "@holdfast/protocol";
import { BrokerUnavailable } from "../broker.js";
import { ANONYMOUS } from "../identity.js";
import { historyOf } from "../past.js";
import type { Handler } from "./command.js";

export const history: Handler<"history"> = async (context, connection, body) => {
  const { channel } = body;
  const { identity = ANONYMOUS } = connection.session ?? {};
  if (!context.access.may(identity, channel, "history")) return { error: errors.forbidden };
  const retention = context.namespaces.retention(channel);
  if (retention === undefined) return { error: errors.noHistory };
  try {
    return await historyOf(context.broker, retention, body, context.options.maxOutboxBytes);
  } catch (error) {
    if (error instanceof BrokerUnavailable) return { error: errors.unavailable };
    throw error;
  }
};
