/**
 * A page of a channel's history, for a client's command or the admin API.
 */
import {
  type EncodableResults,
  type ErrorCode,
  errors,
  type HistoryRequest,
  normalizeData,
  type PublicationData,
} from "@holdfast/protocol";
import type { Broker, LogPage, Retention } from "../broker/broker.js";
import { channelTopic } from "../broker/topic.js";
import { locate } from "./locate.js";

const DEFAULT_LIMIT = 100;

export type Past = { readonly result: EncodableResults["history"] } | { readonly error: ErrorCode };

/**
 * With `since` the page begins behind that position, and only if it can be proven that the position belongs
 * to the log. At most `maxBytes` bytes of data, but at least one publication where there is one. Rejects with
 * `BrokerUnavailable`.
 */
export async function readHistoryPage(
  broker: Pick<Broker, "read">,
  retention: Retention,
  { channel, since, limit = DEFAULT_LIMIT, reverse = false }: HistoryRequest,
  maxBytes: number,
): Promise<Past> {
  const from =
    since === undefined ? (reverse ? Number.MAX_SAFE_INTEGER : 0) : since.offset + (reverse ? -1 : 1);
  const page = await broker.read(channelTopic(channel), { from, limit, reverse, maxBytes, retention });
  if (since !== undefined) {
    if (locate(since, page) !== undefined) return { error: errors.positionLost };
    // Forward from a position whose successor is gone: the page would have a hole at its beginning.
    if (!reverse && page.oldest > since.offset + 1) return { error: errors.positionLost };
  }
  return { result: { ...page.top, publications: bounded(page, maxBytes) } };
}

/** As many as fit: text that is no JSON grows when it becomes JSON. At least one, so that paging goes on. */
function bounded({ entries }: LogPage, maxBytes: number): PublicationData[] {
  const publications: PublicationData[] = [];
  let bytes = 0;
  for (const { offset, data } of entries) {
    const normal = normalizeData(data);
    bytes += Buffer.byteLength(normal);
    if (publications.length > 0 && bytes > maxBytes) break;
    publications.push({ offset, data: normal });
  }
  return publications;
}
