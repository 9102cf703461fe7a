/**
 * Pushes as core makes them, before any codec has seen them. Shared by all receivers: not to be changed.
 */
import {
  type Data,
  dataOfTraced,
  type GapNotice,
  isMarked,
  JsonText,
  leafOf,
  type SentPush,
  traceparentOf,
} from "@holdfast/protocol";

/** Characters that the frame of a publication has beside its channel and its data, about. */
const FRAME_CHARS = 64;

/** Characters that a trace context takes in the frame of a publication, its name included. */
const TRACE_CHARS = 72;

/**
 * `data`: as `normalizeData` made it, a trace context before it included. `offset` where the channel keeps
 * history; `epoch` where it is not that of the publication before.
 */
export function publicationPush(channel: string, data: Data, offset?: number, epoch?: string): SentPush {
  if (isMarked(data)) return { op: "publication", body: { channel, offset, epoch, ...traced(data) } };
  return { op: "publication", body: { channel, offset, epoch, data: leafOf(data) } };
}

export function messagePush(data: Data): SentPush {
  if (isMarked(data)) return { op: "message", body: traced(data) };
  return { op: "message", body: { data: leafOf(data) } };
}

export function broadcastPush(data: Data): SentPush {
  if (isMarked(data)) return { op: "broadcast", body: traced(data) };
  return { op: "broadcast", body: { data: leafOf(data) } };
}

export function gapPush(notice: GapNotice): SentPush {
  return { op: "gap", body: notice };
}

function traced(text: string): { readonly traceparent: string | undefined; readonly data: JsonText } {
  return { traceparent: traceparentOf(text), data: new JsonText(dataOfTraced(text)) };
}

/** The trace context of a publication; undefined where it has none. */
export function traceparentOfPush({ body }: SentPush): string | undefined {
  return "traceparent" in body ? body.traceparent : undefined;
}

/** Its data alone, as JSON text or bytes; undefined for a push that is no publication. */
export function dataOf({ body }: SentPush): Data | undefined {
  if (!("data" in body)) return undefined;
  return body.data instanceof JsonText ? body.data.text : body.data;
}

/** What it weighs in memory, in characters, of bytes in bytes: its data and, about, its frame. */
export function weightOf(push: SentPush): number {
  const { body } = push;
  const channel = "channel" in body ? body.channel.length : 0;
  const member = "member" in body ? body.member.text.length : 0;
  const trace = "traceparent" in body ? TRACE_CHARS : 0;
  return FRAME_CHARS + channel + member + trace + (dataOf(push)?.length ?? 0);
}
