/**
 * Entries of the ingest stream: what a backend added, checked.
 *
 *     XADD holdfast:ingest * channel <name> data <text> [key <1 to 128 characters>]
 *
 * Other fields are ignored. Invariant: whatever was added is an order to publish, a problem that can be told,
 * or nothing at all (the backend deleted it); nothing throws.
 */
import { backendKey, channelTopic, entryKey, parseTopic, type Topic } from "@holdfast/core";
import { MAX_KEY_LENGTH } from "@holdfast/protocol";

/** As lua/ingest-take.lua gives it: names and values in turn, long ones cut. */
export interface IngestEntry {
  readonly id: string;
  readonly fields: readonly string[];
}

export interface IngestPublication {
  readonly channel: string;
  readonly topic: Topic;
  readonly data: string;
  /**
   * Names the publication among the channel's (core's idempotency-key.ts): by the backend's own key, or the
   * entry's id.
   */
  readonly key: string;
}

export function parseEntry(
  { id, fields }: IngestEntry,
  maxPublicationBytes: number,
): IngestPublication | { readonly problem: string } | undefined {
  if (fields.length === 0) return undefined;
  const channel = field(fields, "channel");
  const data = field(fields, "data");
  const key = field(fields, "key");
  if (channel === undefined) return { problem: "has no field channel" };
  const topic = parseTopic(channelTopic(channel));
  if (topic === undefined) return { problem: "names no channel" };
  if (data === undefined) return { problem: "has no field data" };
  if (Buffer.byteLength(data) > maxPublicationBytes) {
    return { problem: `has data of more than ${maxPublicationBytes} bytes` };
  }
  if (key !== undefined && (key.length === 0 || key.length > MAX_KEY_LENGTH)) {
    return { problem: `has a key that is not 1 to ${MAX_KEY_LENGTH} characters long` };
  }
  return { channel, topic, data, key: key === undefined ? entryKey(id) : backendKey(key) };
}

function field(fields: readonly string[], name: string): string | undefined {
  for (let at = 0; at + 1 < fields.length; at += 2) if (fields[at] === name) return fields[at + 1];
  return undefined;
}
