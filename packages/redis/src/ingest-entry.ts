/**
 * Entries of the ingest stream: what a backend added, checked.
 *
 *     XADD holdfast:ingest * channel <name> data <text or bytes> [key <1 to 128 characters>]
 *       [traceparent <W3C trace context>]
 *
 * Other fields are ignored. Invariant: whatever was added is an order to publish, or a problem that can be
 * told; nothing throws.
 */
import { backendKey, channelTopic, entryKey, parseTopic, type Topic } from "@holdfast/core";
import { type Data, MAX_KEY_LENGTH } from "@holdfast/protocol";
import { dataOf, sizeOf } from "./stored-data.js";

/** As lua/ingest-take.lua gives it: names and values in turn, long ones cut. */
export interface IngestEntry {
  readonly id: string;
  readonly fields: readonly Buffer[];
}

/** What the holder was given; undefined when another holds the lease. */
export interface Taken {
  readonly entries: readonly IngestEntry[];
  /** Where to go on (refused-channels.ts). */
  readonly reached: string;
}

export interface IngestPublication {
  readonly channel: string;
  readonly topic: Topic;
  readonly data: Data;
  /**
   * Names the publication among the channel's (core's idempotency-key.ts): by the backend's own key, or the
   * entry's id.
   */
  readonly key: string;
  /** As it was added; whether it is one, is not looked at here. */
  readonly traceparent: string | undefined;
}

/** Reads an answer of lua/ingest-take.lua. Throws where it is none. */
export function takenOf(reply: unknown): Taken | undefined {
  if (reply === null) return undefined;
  const [reached, lines, values] = Array.isArray(reply) ? reply : [];
  if (!Buffer.isBuffer(lines) || !Buffer.isBuffer(values))
    throw new Error("Redis holds something else than a stream");
  let at = 0;
  const entryOf = (line: string): IngestEntry => {
    const [id = "", ...lengths] = line.split(" ");
    const fields = lengths.map((length) => {
      const start = at;
      at += Number(length);
      return values.subarray(start, at);
    });
    return { id, fields };
  };
  const entries = lines.length === 0 ? [] : lines.toString("latin1").split("\n").map(entryOf);
  return { reached: String(reached), entries };
}

export function parseEntry(
  { id, fields }: IngestEntry,
  maxPublicationBytes: number,
): IngestPublication | { readonly problem: string } {
  const channel = field(fields, "channel")?.toString();
  const data = field(fields, "data");
  const key = field(fields, "key")?.toString();
  if (channel === undefined) return { problem: "has no field channel" };
  const topic = parseTopic(channelTopic(channel));
  if (topic === undefined) return { problem: "names no channel" };
  if (data === undefined) return { problem: "has no field data" };
  if (sizeOf(data) > maxPublicationBytes) {
    return { problem: `has data of more than ${maxPublicationBytes} bytes` };
  }
  if (key !== undefined && (key.length === 0 || key.length > MAX_KEY_LENGTH)) {
    return { problem: `has a key that is not 1 to ${MAX_KEY_LENGTH} characters long` };
  }
  const traceparent = field(fields, "traceparent")?.toString("latin1", 0, MAX_KEY_LENGTH);
  const name = key === undefined ? entryKey(id) : backendKey(key);
  return { channel, topic, data: dataOf(data), key: name, traceparent };
}

function field(fields: readonly Buffer[], name: string): Buffer | undefined {
  for (let at = 0; at + 1 < fields.length; at += 2)
    if (fields[at]?.toString() === name) return fields[at + 1];
  return undefined;
}
