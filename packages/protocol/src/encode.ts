/**
 * Frames → text. The server writes replies and pushes, the client writes commands.
 *
 * Data arrives here as JSON text already (`dataText`), so that a publication is encoded once for all its
 * subscribers and never parsed again. Invariant: no text made here contains a newline, which separates
 * frames.
 */
import type { DisconnectCode, ErrorCode } from "./codes.js";
import { mayReconnect } from "./codes.js";
import type {
  Command,
  CommandName,
  ConnectResult,
  DisconnectNotice,
  DrainNotice,
  GapNotice,
  HistoryResult,
  Json,
  PresenceCounts,
  PresenceList,
  PresenceResult,
  RefreshNotice,
  Results,
  SubscribedNotice,
  SubscribeResult,
} from "./frame.js";
import { exceedsDepth } from "./json-depth.js";
import { MAX_CLOSE_REASON_BYTES, MAX_DEPTH } from "./limits.js";

export const PING = "{}";

/** A publication of a channel's history, its data as the JSON text that it was published as. */
export interface PublicationText {
  readonly offset: number;
  readonly data: string;
}

/** A result as the server has it: the data of publications is text. */
type Encodable<Result extends { readonly publications?: unknown }> = Omit<Result, "publications"> & {
  readonly publications?: readonly PublicationText[];
};

/** What one entry of `subs` says. */
export type SubscribeEntry = EncodableResults["subscribe"] | { readonly error: ErrorCode };

/** Members as the JSON texts that others are shown. */
type EncodableList<List extends PresenceList> = Omit<List, "members"> & {
  readonly members: readonly string[];
};

export interface EncodableResults extends Omit<Results, "connect" | "subscribe" | "history" | "presence"> {
  readonly connect: Omit<ConnectResult, "subs"> & {
    readonly subs?: Readonly<Record<string, SubscribeEntry>>;
  };
  readonly subscribe: Omit<Encodable<SubscribeResult>, "presence"> & {
    readonly presence?: EncodableList<PresenceList>;
  };
  readonly presence: EncodableList<PresenceResult>;
  readonly history: Encodable<HistoryResult>;
}

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
 * and so does JSON nested too deep for a frame. Line breaks of pretty-printed JSON are removed, because a
 * newline ends a frame; the rest is kept to the letter, since encoding it anew would round large numbers and
 * drop repeated keys.
 */
export function normalizeData(text: string): string {
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

export function encodeCommand(command: Command): string {
  return `{"id":${command.id},"${command.op}":${JSON.stringify(command.body)}}`;
}

export function encodeReply<Op extends CommandName>(id: number, op: Op, body: EncodableResults[Op]): string {
  return `{"id":${id},"${op}":${resultText(body)}}`;
}

/** The page of a history alone, with its data as it was published. */
export function historyText(page: EncodableResults["history"]): string {
  return resultText(page);
}

export function encodeError(id: number, error: ErrorCode): string {
  return `{"id":${id},"error":${JSON.stringify(error)}}`;
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

/** The announcement is the longest part of the push and always the same: it is encoded once. */
export function welcomeEncoder(announcement: Announcement): WelcomeEncoder {
  const constant = JSON.stringify(announcement).slice(1, -1);
  return (sid, serverTimeMs, subs, { user, expiresAt }) => {
    const name = user === undefined ? "" : `"user":${JSON.stringify(user)},`;
    const end = expiresAt === undefined ? "" : `"expiresAt":${expiresAt},`;
    return `{"connect":{"sid":"${sid}","serverTime":${serverTimeMs},${name}${end}${constant},"subs":{${subsText(subs)}}}}`;
  };
}

/** The same for a client that was told something of its own. */
export function encodeConnectPush(body: EncodableResults["connect"]): string {
  return `{"connect":${resultText(body)}}`;
}

/** `offset` where the channel keeps history; `epoch` where it is not that of the publication before. */
export function encodePublication(
  channel: string,
  dataText: string,
  offset?: number,
  epoch?: string,
): string {
  const name = JSON.stringify(channel);
  if (offset === undefined) return `{"publication":{"channel":${name},"data":${dataText}}}`;
  const life = epoch === undefined ? "" : `,"epoch":${JSON.stringify(epoch)}`;
  return `{"publication":{"channel":${name},"offset":${offset}${life},"data":${dataText}}}`;
}

export function encodeGap(notice: GapNotice): string {
  return `{"gap":${JSON.stringify(notice)}}`;
}

export function encodeMessage(dataText: string): string {
  return `{"message":{"data":${dataText}}}`;
}

export function encodeBroadcast(dataText: string): string {
  return `{"broadcast":{"data":${dataText}}}`;
}

export function encodeSubscribed(notice: SubscribedNotice): string {
  return `{"subscribed":${JSON.stringify(notice)}}`;
}

export function encodeUnsubscribed(channel: string, code: number): string {
  return `{"unsubscribed":{"channel":${JSON.stringify(channel)},"code":${code}}}`;
}

export function encodeRefresh(notice: RefreshNotice): string {
  return `{"refresh":${JSON.stringify(notice)}}`;
}

/** `member` is JSON text. */
export function encodeJoin(channel: string, member: string, version: number): string {
  return `{"join":{"channel":${JSON.stringify(channel)},"member":${member},"version":${version}}}`;
}

export function encodeLeave(channel: string, member: string, version: number): string {
  return `{"leave":{"channel":${JSON.stringify(channel)},"member":${member},"version":${version}}}`;
}

export function encodePresence(channel: string, { version, users, sessions }: PresenceCounts): string {
  return `{"presence":${JSON.stringify({ channel, version, users, sessions })}}`;
}

export function encodeDrain(notice: DrainNotice): string {
  return `{"drain":${JSON.stringify(notice)}}`;
}

export function encodeDisconnect(notice: DisconnectNotice): string {
  return `{"disconnect":${JSON.stringify(notice)}}`;
}

/**
 * A result as JSON, with the text of publications and members put in as it is: at its top, or in each of its
 * `subs`.
 */
function resultText(body: object): string {
  const { publications, members, presence, subs, ...rest } = body as {
    readonly publications?: readonly PublicationText[];
    readonly members?: readonly string[];
    readonly presence?: EncodableList<PresenceList>;
    readonly subs?: Readonly<Record<string, object>>;
  };
  let text = JSON.stringify(rest);
  if (publications !== undefined) {
    const each = publications.map(({ offset, data }) => `{"offset":${offset},"data":${data}}`);
    text = withField(text, "publications", `[${each.join(",")}]`);
  }
  if (members !== undefined) text = withField(text, "members", `[${members.join(",")}]`);
  if (presence !== undefined) text = withField(text, "presence", resultText(presence));
  if (subs !== undefined) text = withField(text, "subs", `{${subsText(Object.entries(subs))}}`);
  return text;
}

function subsText(subs: readonly (readonly [channel: string, outcome: object])[]): string {
  let text = "";
  for (const [channel, outcome] of subs)
    text += `${text === "" ? "" : ","}${JSON.stringify(channel)}:${resultText(outcome)}`;
  return text;
}

function withField(object: string, name: string, value: string): string {
  return `${object.slice(0, -1)}${object === "{}" ? "" : ","}"${name}":${value}}`;
}

/** The notice for a row of the table. `detail` replaces the row's sentence where more is known. */
export function disconnectNotice(
  row: DisconnectCode,
  detail?: string,
  retryAfter?: number,
): DisconnectNotice {
  return {
    code: row.code,
    reason: detail ?? row.message,
    reconnect: mayReconnect(row.code),
    ...(retryAfter !== undefined && { retryAfter }),
  };
}

/** The reason that fits in a WebSocket close frame: the row's name, which is ASCII and short. */
export function closeReason(row: DisconnectCode): string {
  return row.name.slice(0, MAX_CLOSE_REASON_BYTES);
}
