/**
 * Pushes as core makes them, before any codec has seen them. Shared by all receivers: not to be changed.
 */
import { type GapNotice, JsonText, type SentPush } from "@holdfast/protocol";

/** Characters that the frame of a publication has beside its channel and its data, about. */
const FRAME_CHARS = 64;

/** `offset` where the channel keeps history; `epoch` where it is not that of the publication before. */
export function publicationPush(channel: string, data: string, offset?: number, epoch?: string): SentPush {
  return { op: "publication", body: { channel, offset, epoch, data: new JsonText(data) } };
}

export function messagePush(data: string): SentPush {
  return { op: "message", body: { data: new JsonText(data) } };
}

export function broadcastPush(data: string): SentPush {
  return { op: "broadcast", body: { data: new JsonText(data) } };
}

export function gapPush(notice: GapNotice): SentPush {
  return { op: "gap", body: notice };
}

/** Its data alone, as JSON text; undefined for a push that is no publication. */
export function dataOf({ body }: SentPush): string | undefined {
  return "data" in body ? body.data.text : undefined;
}

/** What it weighs in memory, in characters: its data and, about, its frame. */
export function weightOf(push: SentPush): number {
  const { body } = push;
  const channel = "channel" in body ? body.channel.length : 0;
  const member = "member" in body ? body.member.text.length : 0;
  return FRAME_CHARS + channel + member + (dataOf(push)?.length ?? 0);
}
