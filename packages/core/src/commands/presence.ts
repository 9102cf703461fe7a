/**
 * `presence`: who is in a channel, in pages, or only how many.
 */
import { errors } from "@holdfast/protocol";
import { BrokerUnavailable } from "../broker.js";
import { ANONYMOUS } from "../identity.js";
import type { Handler } from "./command.js";

const DEFAULT_LIMIT = 100;

export const presence: Handler<"presence"> = async (context, connection, body) => {
  const { channel, limit = DEFAULT_LIMIT, cursor } = body;
  const { identity = ANONYMOUS } = connection.session ?? {};
  if (!context.access.may(identity, channel, "presence")) return { error: errors.forbidden };
  const rule = context.namespaces.presence(channel);
  if (context.presence === undefined || rule === undefined) return { error: errors.noPresence };
  try {
    const page = await context.presence.read(channel, limit, cursor);
    return { result: { ...page, joinLeave: rule.joinLeave } };
  } catch (error) {
    if (error instanceof BrokerUnavailable) return { error: errors.unavailable };
    throw error;
  }
};
