/**
 * Frames → JSON text, for programs that have no codec: the client's commands, tools, doubles and tests. The
 * server's connections write by a codec (core's codec folder).
 *
 * Invariant: no text made here contains a newline, which separates frames.
 */

import { toBase64 } from "./base64.js";
import type { DisconnectCode, ErrorCode } from "./codes.js";
import type { Data } from "./data.js";
import type {
  Command,
  CommandName,
  ConnectResult,
  DisconnectNotice,
  DrainNotice,
  GapNotice,
  Json,
  PresenceCounts,
  RefreshNotice,
  SubscribedNotice,
} from "./frame.js";
import { JsonText } from "./frame-encoding.js";
import { exceedsDepth } from "./json-depth.js";
import { frameText } from "./json-encoding.js";
import { MAX_CLOSE_REASON_BYTES, MAX_DEPTH } from "./limits.js";
import {
  type EncodableResults,
  errorFrame,
  pushFrame,
  replyFrame,
  resultFrame,
  type SentPush,
  type SubscribeEntry,
} from "./server-frames.js";
import { isMarked, markedData, traceparentOf, withTraceparent } from "./trace-context.js";

export {
  disconnectNotice,
  type EncodableResults,
  type PublicationData,
  type SubscribeEntry,
} from "./server-frames.js";

export const PING = "{}";

/** One line of JSON. Throws a RangeError for data nested beyond the stack, which decoded frames cannot be. */
export function jsonText(data: Json): string {
  return JSON.stringify(data);
}

/** Nesting of data in a frame, whose own two objects surround it. */
const MAX_DATA_DEPTH = MAX_DEPTH - 2;

/**
 * A line break and the indentation after it. In valid JSON both stand between tokens, never inside a string.
 */
const LINE_BREAKS = /[\r\n][ \t\r\n]*/g;

/**
 * Any text from a backend → one line of JSON: JSON stays what it is, everything else becomes a JSON string,
 * and so does JSON nested too deep for a frame. Bytes stay bytes. Line breaks of pretty-printed JSON are
 * removed, because a newline ends a frame; the rest is kept to the letter, since encoding it anew would round
 * large numbers and drop repeated keys. A trace context before the data stays where it is valid
 * (trace-context.ts).
 */
export function normalizeData(text: string): string;
export function normalizeData(data: Data): Data;
export function normalizeData(text: Data): Data {
  if (typeof text !== "string") return text;
  return isMarked(text) ? normalizeMarked(text) : normalizeText(text);
}

/** A valid trace context stays before the data, another one is left out. */
function normalizeMarked(text: string): string {
  const data = markedData(text);
  if (data === undefined) return normalizeText(text);
  return withTraceparent(normalizeText(data), traceparentOf(text));
}

function normalizeText(text: string): string {
  if (!isJson(text) || exceedsDepth(text, MAX_DATA_DEPTH)) return JSON.stringify(text);
  return oneLine(text);
}

/** JSON text without the line breaks of pretty-printing, and otherwise as it was written. */
export function oneLine(json: string): string {
  return json.includes("\n") || json.includes("\r") ? json.replace(LINE_BREAKS, "") : json;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** `replacer`: of JSON.stringify, for the body. */
export function encodeCommand(command: Command, replacer?: (key: string, value: unknown) => unknown): string {
  return `{"id":${command.id},"${command.op}":${JSON.stringify(command.body, replacer)}}`;
}

export function encodeReply<Op extends CommandName>(id: number, op: Op, body: EncodableResults[Op]): string {
  return frameText(replyFrame(id, op, body));
}

/** The page of a history alone, with its data as it was published. */
export function historyText(page: EncodableResults["history"]): string {
  return frameText(resultFrame(page));
}

export function encodeError(id: number, error: ErrorCode): string {
  return frameText(errorFrame(id, error));
}

/** What a server tells every client alike when it connects. */
export type Announcement = Omit<ConnectResult, "sid" | "serverTime" | "subs">;

/**
 * Encodes the `connect` push that answers a URL, with the outcome for each channel. `sid` is a session id of
 * ours.
 */
export type WelcomeEncoder = (
  sid: string,
  serverTimeMs: number,
  subs: readonly (readonly [channel: string, outcome: SubscribeEntry])[],
  who: Pick<ConnectResult, "user" | "expiresAt">,
) => string;

/** The announcement is the same for every client. */
export function welcomeEncoder(announcement: Announcement): WelcomeEncoder {
  return (sid, serverTime, subs, who) =>
    encodeConnectPush({ sid, serverTime, ...who, ...announcement, subs: Object.fromEntries(subs) });
}

export function encodeConnectPush(body: EncodableResults["connect"]): string {
  return encodePush({ op: "connect", body });
}

/**
 * `offset` where the channel keeps history; `epoch` where it is not that of the publication before. Written
 * without a frame, because it is most of what a server says: a third of the time.
 */
export function encodePublication(
  channel: string,
  data: Data,
  offset?: number,
  epoch?: string,
  traceparent?: string,
): string {
  const name = JSON.stringify(channel);
  const trace = traceparent === undefined ? "" : `,"traceparent":"${traceparent}"`;
  const said = typeof data === "string" ? `"data":${data}` : `"data":"${toBase64(data)}","bytes":true`;
  if (offset === undefined) return `{"publication":{"channel":${name}${trace},${said}}}`;
  const life = epoch === undefined ? "" : `,"epoch":${JSON.stringify(epoch)}`;
  return `{"publication":{"channel":${name},"offset":${offset}${life}${trace},${said}}}`;
}

export function encodeGap(notice: GapNotice): string {
  return encodePush({ op: "gap", body: notice });
}

export function encodeMessage(dataText: string): string {
  return encodePush({ op: "message", body: { data: new JsonText(dataText) } });
}

export function encodeBroadcast(dataText: string): string {
  return encodePush({ op: "broadcast", body: { data: new JsonText(dataText) } });
}

export function encodeSubscribed(notice: SubscribedNotice): string {
  return encodePush({ op: "subscribed", body: notice });
}

export function encodeUnsubscribed(channel: string, code: number): string {
  return encodePush({ op: "unsubscribed", body: { channel, code } });
}

export function encodeRefresh(notice: RefreshNotice): string {
  return encodePush({ op: "refresh", body: notice });
}

/** `member` is JSON text. */
export function encodeJoin(channel: string, member: string, version: number): string {
  return encodePush({ op: "join", body: { channel, member: new JsonText(member), version } });
}

export function encodeLeave(channel: string, member: string, version: number): string {
  return encodePush({ op: "leave", body: { channel, member: new JsonText(member), version } });
}

export function encodePresence(channel: string, counts: PresenceCounts): string {
  return encodePush({ op: "presence", body: { channel, ...counts } });
}

export function encodeDrain(notice: DrainNotice): string {
  return encodePush({ op: "drain", body: notice });
}

export function encodeDisconnect(notice: DisconnectNotice): string {
  return encodePush({ op: "disconnect", body: notice });
}

function encodePush(push: SentPush): string {
  return frameText(pushFrame(push));
}

/** The reason that fits in a WebSocket close frame: the row's name, which is ASCII and short. */
export function closeReason(row: DisconnectCode): string {
  return row.name.slice(0, MAX_CLOSE_REASON_BYTES);
}
