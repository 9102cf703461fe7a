/**
 * `presence`: who is in a channel, in pages, or only how many.
 */
import { errors } from "@holdfast/protocol";
import { ANONYMOUS } from "../access/identity.js";
import type { Handler } from "./command.js";
import { forbidden } from "./forbidden.js";
import { readFor } from "./reading.js";

const DEFAULT_LIMIT = 100;

export const presence: Handler<"presence"> = (context, connection, body) => {
  const { channel, limit = DEFAULT_LIMIT, cursor } = body;
  const { identity = ANONYMOUS } = connection.session ?? {};
  if (!context.access.may(identity, channel, "presence"))
    return { error: forbidden(context, identity, channel, "presence") };
  const rule = context.namespaces.presence(channel);
  const { presence } = context;
  if (presence === undefined || rule === undefined) return { error: errors.noPresence };
  return readFor(
    context,
    connection,
    async () => ({ result: { ...(await presence.read(channel, limit, cursor)), joinLeave: rule.joinLeave } }),
    ({ members }) => members.reduce((bytes, member) => bytes + Buffer.byteLength(member), 0),
  );
};
