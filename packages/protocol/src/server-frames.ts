/**
 * What the server says, as frames of this protocol: `{"id":1,"subscribe":…}`, `{"publication":…}`.
 *
 * Here is which names the protocol gives to answers and pushes. How a frame looks is an encoding's. Data is a
 * leaf (`DataLeaf`), so that a publication is never parsed on its way.
 */
import type { DisconnectCode, ErrorCode } from "./codes.js";
import { mayReconnect } from "./codes.js";
import { type Data, type DataLeaf, dataMembers } from "./data.js";
import type {
  CommandName,
  ConnectResult,
  DisconnectNotice,
  DrainNotice,
  GapNotice,
  HistoryResult,
  PresenceCounts,
  PresenceList,
  PresenceResult,
  RefreshNotice,
  Results,
  SubscribedNotice,
  SubscribeResult,
} from "./frame.js";
import { type FrameValue, JsonText } from "./frame-encoding.js";
import { dataOfTraced, isMarked, traceparentOf } from "./trace-context.js";

/**
 * A publication of a channel's history: its data as the JSON text that it was published as, with its trace
 * context before it where it has one (trace-context.ts), or as bytes.
 */
export interface PublicationData {
  readonly offset: number;
  readonly data: Data;
}

/** A result as the server has it: the data of publications is JSON text or bytes. */
type Encodable<Result extends { readonly publications?: unknown }> = Omit<Result, "publications"> & {
  readonly publications?: readonly PublicationData[];
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

/** A publication on its way to its subscribers. */
export interface SentPublication {
  readonly channel: string;
  /** Where the channel keeps history. */
  readonly offset?: number | undefined;
  /** Given when it is not that of the publication before. */
  readonly epoch?: string | undefined;
  /** Valid; given where it was published with one. */
  readonly traceparent?: string | undefined;
  readonly data: DataLeaf;
}

/** What is for a user, or for all. */
export interface SentMessage {
  /** Valid; given where it was published with one. */
  readonly traceparent?: string | undefined;
  readonly data: DataLeaf;
}

/** A member comes or goes. */
export interface SentJoinLeave {
  readonly channel: string;
  readonly member: JsonText;
  readonly version: number;
}

/** A push as the server has it: its data is a leaf. */
export type SentPush =
  | { readonly op: "connect"; readonly body: EncodableResults["connect"] }
  | { readonly op: "publication"; readonly body: SentPublication }
  | { readonly op: "gap"; readonly body: GapNotice }
  | { readonly op: "message"; readonly body: SentMessage }
  | { readonly op: "broadcast"; readonly body: SentMessage }
  | { readonly op: "subscribed"; readonly body: SubscribedNotice }
  | { readonly op: "unsubscribed"; readonly body: { readonly channel: string; readonly code: number } }
  | { readonly op: "join"; readonly body: SentJoinLeave }
  | { readonly op: "leave"; readonly body: SentJoinLeave }
  | { readonly op: "presence"; readonly body: { readonly channel: string } & PresenceCounts }
  | { readonly op: "refresh"; readonly body: RefreshNotice }
  | { readonly op: "drain"; readonly body: DrainNotice }
  | { readonly op: "disconnect"; readonly body: DisconnectNotice };

/** What both sides send for a sign of life. */
export const PING_FRAME: FrameValue = Object.freeze({});

export function replyFrame<Op extends CommandName>(
  id: number,
  op: Op,
  body: EncodableResults[Op],
): FrameValue {
  return { id, [op]: resultFrame(body) };
}

export function errorFrame(id: number, error: ErrorCode): FrameValue {
  return { id, error: tree(error) };
}

export function pushFrame({ op, body }: SentPush): FrameValue {
  if (op === "connect") return { connect: resultFrame(body) };
  if (!("data" in body) || body.data instanceof JsonText) return { [op]: tree(body) };
  const { data, ...rest } = body;
  return { [op]: { ...rest, ...dataMembers(data) } };
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

/**
 * A result, with the text of publications and members as leaves: at its top, or in each of its `subs`. Each
 * keeps its place, which in every result is the last, behind the members that say what it is.
 */
export function resultFrame(body: object): FrameValue {
  const { publications, members, presence, subs } = body as {
    readonly publications?: readonly PublicationData[];
    readonly members?: readonly string[];
    readonly presence?: EncodableList<PresenceList>;
    readonly subs?: Readonly<Record<string, object>>;
  };
  // An object is not copied for what it has not: this is most of what the answer to a return costs.
  if (subs !== undefined) return { ...body, subs: subsFrame(subs) };
  if (members !== undefined) return { ...body, members: members.map((member) => new JsonText(member)) };
  if (publications === undefined && presence === undefined) return tree(body);
  return {
    ...body,
    ...(publications && { publications: publications.map(storedFrame) }),
    ...(presence && { presence: resultFrame(presence) }),
  };
}

function storedFrame({ offset, data }: PublicationData): FrameValue {
  if (typeof data !== "string") return { offset, ...dataMembers(data) };
  if (!isMarked(data)) return { offset, data: new JsonText(data) };
  return { offset, traceparent: traceparentOf(data), data: new JsonText(dataOfTraced(data)) };
}

function subsFrame(subs: Readonly<Record<string, object>>): FrameValue {
  const frames: [string, FrameValue][] = [];
  for (const channel of Object.keys(subs)) frames.push([channel, resultFrame(subs[channel] as object)]);
  return Object.fromEntries(frames);
}

/** Interfaces have no index signature, but are trees all the same. */
function tree(body: object): FrameValue {
  return body as unknown as FrameValue;
}
