/**
 * `history`: reads a channel's past, forward or backward, in pages.
 *
 * Who may read is `Access`' to say. With `since` the page begins behind that position, and only if it can be proven that
 * the position belongs to the log.
 */
import { errors, normalizeData } from "@holdfast/protocol";
import { BrokerUnavailable, type LogPage } from "../broker.js";
import { ANONYMOUS } from "../identity.js";
import { locate } from "../recovery.js";
import { channelTopic } from "../topic.js";
import type { Handler } from "./command.js";

const DEFAULT_LIMIT = 100;

export const history: Handler<"history"> = async (context, connection, body) => {
  const { channel, since, limit = DEFAULT_LIMIT, reverse = false } = body;
  const { identity = ANONYMOUS } = connection.session ?? {};
  if (!context.access.may(identity, channel, "history")) return { error: errors.forbidden };
  const retention = context.namespaces.retention(channel);
  if (retention === undefined) return { error: errors.noHistory };
  const from =
    since === undefined ? (reverse ? Number.MAX_SAFE_INTEGER : 0) : since.offset + (reverse ? -1 : 1);
  let page: LogPage;
  try {
    page = await context.broker.read(channelTopic(channel), { from, limit, reverse, retention });
  } catch (error) {
    if (error instanceof BrokerUnavailable) return { error: errors.unavailable };
    throw error;
  }
  if (since !== undefined) {
    if (locate(since, page) !== undefined) return { error: errors.positionLost };
    // Forward from a position whose successor is gone: the page would have a hole at its beginning.
    if (!reverse && page.oldest > since.offset + 1) return { error: errors.positionLost };
  }
  const publications = bounded(page, context.options.maxOutboxBytes);
  return { result: { ...page.top, publications } };
};

/** As many as fit into one answer; who wants the rest asks for it. At least one, so that paging goes on. */
function bounded({ entries }: LogPage, maxChars: number): { offset: number; data: string }[] {
  const publications: { offset: number; data: string }[] = [];
  let chars = 0;
  for (const { offset, data } of entries) {
    chars += data.length;
    if (publications.length > 0 && chars > maxChars) break;
    publications.push({ offset, data: normalizeData(data) });
  }
  return publications;
}
