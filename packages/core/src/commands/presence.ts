/**
 * `presence`: who is in a channel, in pages, or only how many.
 */
import { errors } from "@holdfast/protocol";
import { ANONYMOUS } from "../access/identity.js";
import type { Context } from "../connection/context.js";
import type { Handler } from "./command.js";
import { type ForbiddenParts, forbidden } from "./forbidden.js";
import { type ReadParts, readFor } from "./reading.js";

const DEFAULT_LIMIT = 100;

type PresenceParts = ForbiddenParts & ReadParts & Pick<Context, "namespaces" | "presence">;

export const presence: Handler<"presence", PresenceParts> = (parts, connection, body) => {
  const { channel, limit = DEFAULT_LIMIT, cursor } = body;
  const { identity = ANONYMOUS } = connection.session ?? {};
  if (!parts.access.may(identity, channel, "presence"))
    return { error: forbidden(parts, identity, channel, "presence") };
  const rule = parts.namespaces.presence(channel);
  const { presence } = parts;
  if (presence === undefined || rule === undefined) return { error: errors.noPresence };
  return readFor(
    parts,
    connection,
    async () => ({ result: { ...(await presence.read(channel, limit, cursor)), joinLeave: rule.joinLeave } }),
    ({ members }) => members.reduce((bytes, member) => bytes + Buffer.byteLength(member), 0),
  );
};
