/**
 * What the server says, checked: decoded JSON → pushes and results that can be relied on.
 *
 * Never throws. A push of an unknown operation is skipped, so that a newer server can add some;
 * a known one with a wrong body is malformed.
 */
import {
  type ConnectResult,
  isPosition,
  type Json,
  MAX_CHANNELS_DEFAULT,
  MAX_RESUME_TOKEN_LENGTH,
  type Position,
  type SubscribeOutcome,
} from "@holdfast/protocol";
import { type Fields, isFields, isText, positive, textOr } from "./fields.js";

/** A session in the channel. */
export interface Member {
  /** The same over reconnects. */
  readonly session: string;
  /** Undefined: anonymous. */
  readonly user?: string;
  /** What its token says that others are shown. */
  readonly info?: Json;
}

/** Members as the server lists them. */
export interface PresencePage {
  readonly version: number;
  readonly users: number;
  readonly sessions: number;
  readonly members: readonly Member[];
  /** Whether joins and leaves are those of each session, not of users. Undefined: as before. */
  readonly perSession: boolean | undefined;
  /** Where the next page begins. */
  readonly next: string | undefined;
}

/** Data on a channel. */
export interface Publication<Data = Json> {
  readonly channel: string;
  readonly data: Data;
  /** Its place in the channel's history, where the channel keeps some. */
  readonly offset?: number;
  /** Its W3C trace context, where it was published with one. */
  readonly traceparent?: string;
  /** Whether the data is bytes: a Uint8Array with an encoding that has them, and else their base64. */
  readonly bytes?: true;
}

/** A live publication as it comes. */
export interface LivePublication extends Publication {
  /** Given when it is not that of the publication before. */
  readonly epoch?: string;
}

/** A publication of the channel's history. */
export interface Stored {
  readonly offset: number;
  readonly data: Json;
  readonly traceparent?: string;
}

/** Publications of a channel's history, and the position that it has reached. */
export interface History<Data = Json> extends Position {
  /** Oldest first, newest first with `reverse`. */
  readonly publications: readonly Publication<Data>[];
}

/** The server skipped publications of a channel. */
export interface GapPush {
  readonly channel: string;
  readonly reason?: unknown;
  readonly from?: number;
  readonly to?: number;
  readonly epoch?: string;
}

/** What a subscribe was answered with, of which nothing is certain but its form. */
export interface SubscribeAnswer {
  readonly position: Position | undefined;
  readonly recovered: boolean;
  readonly reason: string;
  readonly publications: readonly Stored[];
}

/** A member joined or left; or how many are there, where there are too many to say who. */
export type PresencePush =
  | {
      readonly kind: "join" | "leave";
      readonly body: { readonly channel: string; readonly member: Member; readonly version: number };
    }
  | { readonly kind: "presence"; readonly body: { readonly channel: string } & Counts };

type Counts = Pick<PresencePage, "version" | "users" | "sessions">;

/** What concerns one channel. */
export type ChannelPush =
  | PresencePush
  | { readonly kind: "publication"; readonly body: LivePublication }
  | { readonly kind: "gap"; readonly body: GapPush }
  /** The application gave this connection the channel. */
  | { readonly kind: "subscribed"; readonly body: { readonly channel: string } }
  | { readonly kind: "unsubscribed"; readonly body: { readonly channel: string; readonly code: number } }
  | { readonly kind: "refresh"; readonly body: { readonly channel: string; readonly deadline?: unknown } };

export type Inbound =
  | ChannelPush
  | { readonly kind: "message" | "broadcast"; readonly body: { readonly data: Json } }
  /** The connection's token ends in `deadline` ms. */
  | { readonly kind: "refresh"; readonly body: { readonly channel?: undefined; readonly deadline?: unknown } }
  | { readonly kind: "drain" | "disconnect"; readonly body: Fields }
  | { readonly kind: "unknown" | "malformed" };

/** What is sound, push by push. */
const checks: Readonly<Record<string, (body: Fields) => boolean>> = {
  publication: (body) => hasChannel(body) && hasData(body) && isPlace(body),
  gap: ({ channel, from, to, epoch }) =>
    isText(channel) && isPlace({ offset: to, epoch }) && isPlace({ offset: from }),
  join: isChange,
  leave: isChange,
  presence: (body) => hasChannel(body) && hasCounts(body),
  subscribed: hasChannel,
  unsubscribed: (body) => hasChannel(body) && typeof body.code === "number",
  refresh: (body) => body.channel === undefined || hasChannel(body),
  message: hasData,
  broadcast: hasData,
  drain: () => true,
  disconnect: () => true,
};

/** Reads a push. */
export function readPush(op: string, body: unknown): Inbound {
  const check = Object.hasOwn(checks, op) && checks[op];
  if (!check) return { kind: "unknown" };
  return isFields(body) && check(body) ? ({ kind: op, body } as unknown as Inbound) : { kind: "malformed" };
}

/** What the client uses of a connect reply. */
export type ConnectReply = Pick<ConnectResult, "sid" | "ping" | "pongTimeout" | "limits" | "subs"> & {
  readonly user: string | undefined;
  readonly resumeToken: string | undefined;
};

/**
 * Reads a connect reply. Only the session id is indispensable; limits fall back to the server's own defaults.
 */
export function readConnectResult(body: Json): ConnectReply | undefined {
  if (!isFields(body) || !isText(body.sid)) return undefined;
  const limits = isFields(body.limits) ? body.limits : {};
  return {
    sid: body.sid,
    ping: positive(body.ping, 0),
    pongTimeout: positive(body.pongTimeout, 0),
    limits: {
      maxPayload: positive(limits.maxPayload, 65_536),
      maxChannels: positive(limits.maxChannels, MAX_CHANNELS_DEFAULT),
      commandRate: positive(limits.commandRate, 100),
    },
    subs: isFields(body.subs) ? (body.subs as unknown as Readonly<Record<string, SubscribeOutcome>>) : {},
    user: isText(body.user) ? body.user : undefined,
    resumeToken: readResumeToken(body),
  };
}

/** The resume token of a result, if it has one. The server refuses a longer one. */
export function readResumeToken(body: unknown): string | undefined {
  const token = isFields(body) ? body.resumeToken : undefined;
  return isText(token) && token !== "" && token.length <= MAX_RESUME_TOKEN_LENGTH ? token : undefined;
}

/**
 * Reads the answer to a subscribe, alone or as one of `connect.subs`. What is broken in it proves nothing.
 */
export function readSubscribeAnswer(body: unknown): SubscribeAnswer {
  const fields = isFields(body) ? body : {};
  return {
    position: readPosition(fields),
    recovered: fields.recovered === true,
    reason: reasonOf(fields),
    publications: readStored(fields),
  };
}

/** The position of a result, if it has one. */
export function readPosition(body: unknown): Position | undefined {
  return isPosition(body) ? { offset: body.offset, epoch: body.epoch } : undefined;
}

/** Reads the answer to `history`. */
export function readHistory(channel: string, body: Json): History | undefined {
  const position = readPosition(body);
  if (position === undefined) return undefined;
  const publications = readStored(body as Fields).map((stored) => ({ channel, ...stored }));
  return { ...position, publications };
}

/** Reads a list of members, or a page of it. */
export function readPresenceList(body: unknown): PresencePage | undefined {
  if (!isFields(body) || !hasCounts(body)) return undefined;
  const { version, users, sessions, members, joinLeave, next } = body;
  if (!Array.isArray(members) || !members.every(isMember)) return undefined;
  return {
    version,
    users,
    sessions,
    members,
    perSession: isText(joinLeave) ? joinLeave === "session" : undefined,
    next: isText(next) ? next : undefined,
  };
}

/** The publications of a result, up to the first that is none. */
function readStored({ publications }: Fields): readonly Stored[] {
  if (!Array.isArray(publications)) return [];
  const broken = publications.findIndex((each) => !isStored(each));
  return broken < 0 ? publications : publications.slice(0, broken);
}

/** Why publications are missing. */
export function reasonOf({ reason }: { readonly reason?: unknown }): string {
  return textOr(reason, "unverifiable");
}

function hasChannel({ channel }: Fields): boolean {
  return isText(channel);
}

function hasData({ data }: Fields): boolean {
  return data !== undefined;
}

function isChange({ channel, member, version }: Fields): boolean {
  return isText(channel) && isMember(member) && isCount(version);
}

function hasCounts(body: Fields): body is Fields & Counts {
  return isCount(body.version) && isCount(body.users) && isCount(body.sessions);
}

function isMember(value: unknown): value is Member {
  return isFields(value) && isText(value.session) && (value.user === undefined || isText(value.user));
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isStored(value: unknown): value is Stored {
  return isFields(value) && hasData(value) && typeof value.offset === "number" && isPlace(value);
}

/** True when offset and epoch are those of a position, as far as they are there. */
function isPlace({ offset = 0, epoch = "-" }: Fields): boolean {
  return isPosition({ offset, epoch });
}
