/**
 * `history`: reads a channel's past, forward or backward, in pages.
 *
 * `Access` decides whether a client may read; reading.ts decides when, and at what cost.
 */
import { errors } from "@holdfast/protocol";
import { ANONYMOUS } from "../access/identity.js";
import { bytesOf } from "../broker/broker.js";
import { readHistoryPage } from "../history/history-page.js";
import type { Handler } from "./command.js";
import { forbidden } from "./forbidden.js";
import { readFor } from "./reading.js";

export const history: Handler<"history"> = (context, connection, body) => {
  const { channel } = body;
  const { identity = ANONYMOUS } = connection.session ?? {};
  if (!context.access.may(identity, channel, "history"))
    return { error: forbidden(context, identity, channel, "history") };
  const retention = context.namespaces.retention(channel);
  if (retention === undefined) return { error: errors.noHistory };
  const { maxOutboxBytes, maxReadBytes } = context.options;
  const maxBytes = Math.min(maxOutboxBytes, maxReadBytes);
  return readFor(
    context,
    connection,
    () => readHistoryPage(context.broker, retention, body, maxBytes),
    ({ publications = [] }) => bytesOf(publications),
  );
};
