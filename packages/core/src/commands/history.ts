/**
 * `history`: reads a channel's past, forward or backward, in pages.
 *
 * `Access` decides whether a client may read; reading.ts decides when, and at what cost.
 */
import { errors } from "@holdfast/protocol";
import { ANONYMOUS } from "../access/identity.js";
import { bytesOf } from "../broker/broker.js";
import type { Context } from "../connection/context.js";
import { readHistoryPage } from "../history/history-page.js";
import type { Handler } from "./command.js";
import { type ForbiddenParts, forbidden } from "./forbidden.js";
import { type ReadParts, readFor } from "./reading.js";

type HistoryParts = ForbiddenParts & ReadParts & Pick<Context, "broker" | "namespaces" | "options">;

export const history: Handler<"history", HistoryParts> = (parts, connection, body) => {
  const { channel } = body;
  const { identity = ANONYMOUS } = connection.session ?? {};
  if (!parts.access.may(identity, channel, "history"))
    return { error: forbidden(parts, identity, channel, "history") };
  const retention = parts.namespaces.retention(channel);
  if (retention === undefined) return { error: errors.noHistory };
  const { maxOutboxBytes, maxReadBytes } = parts.options;
  const maxBytes = Math.min(maxOutboxBytes, maxReadBytes);
  return readFor(
    parts,
    connection,
    () => readHistoryPage(parts.broker, retention, body, maxBytes),
    ({ publications = [] }) => bytesOf(publications),
  );
};
