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

import type { Member, PresenceList } from "./presence.js";

/** Data on a channel. */
export interface Publication {
  readonly channel: string;
  readonly data: Json;
  /** Its place in the channel's history, where the channel keeps some. */
  readonly offset?: number;
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
}

/** Publications of a channel's history, and the position that it has reached. */
export interface History extends Position {
  /** Oldest first, newest first with `reverse`. */
  readonly publications: readonly Publication[];
}

/** The server skipped publications of a channel. */
export interface GapPush {
  readonly channel: string;
  readonly reason: string;
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

/** Somebody came or went; or how many are there, where there are too many to say who. */
export type PresencePush =
  | {
      readonly kind: "join" | "leave";
      readonly channel: string;
      readonly member: Member;
      readonly version: number;
    }
  | ({ readonly kind: "presence"; readonly channel: string } & Counts);

type Counts = Pick<PresenceList, "version" | "users" | "sessions">;

export type Inbound =
  | PresencePush
  | { readonly kind: "publication"; readonly publication: LivePublication }
  | { readonly kind: "gap"; readonly gap: GapPush }
  | { readonly kind: "message" | "broadcast"; readonly data: Json }
  | { readonly kind: "unsubscribed"; readonly channel: string; readonly code: number }
  /** A token ends in `deadlineMs`: the connection's, or the one for a channel. */
  | { readonly kind: "refresh"; readonly channel: string | undefined; readonly deadlineMs: number }
  | { readonly kind: "drain" | "disconnect"; readonly body: Fields }
  | { readonly kind: "unknown" }
  | { readonly kind: "malformed" };

export type Fields = Readonly<Record<string, Json | undefined>>;

/** Reads a push. */
export function readPush(op: string, body: Json): Inbound {
  if (!isFields(body)) return { kind: known.has(op) ? "malformed" : "unknown" };
  const { channel, data, code } = body;
  switch (op) {
    case "publication":
      if (typeof channel !== "string" || data === undefined || !isPlace(body)) return { kind: "malformed" };
      return { kind: op, publication: { ...body, channel, data } };
    case "gap":
      if (
        typeof channel !== "string" ||
        !isPlace({ ...body, offset: body.to }) ||
        !isPlace({ offset: body.from })
      )
        return { kind: "malformed" };
      return { kind: op, gap: { ...body, channel, reason: reasonOf(body) } };
    case "join":
    case "leave": {
      const { member, version } = body;
      if (typeof channel !== "string" || !isMember(member) || !isCount(version)) return { kind: "malformed" };
      return { kind: op, channel, member, version };
    }
    case "presence": {
      const counts = readCounts(body);
      if (typeof channel !== "string" || counts === undefined) return { kind: "malformed" };
      return { kind: op, channel, ...counts };
    }
    case "message":
    case "broadcast":
      return data === undefined ? { kind: "malformed" } : { kind: op, data };
    case "unsubscribed":
      if (typeof channel !== "string" || typeof code !== "number") return { kind: "malformed" };
      return { kind: op, channel, code };
    case "refresh":
      if (channel !== undefined && typeof channel !== "string") return { kind: "malformed" };
      return { kind: op, channel, deadlineMs: positive(body.deadline, 0) };
    case "drain":
    case "disconnect":
      return { kind: op, body };
    default:
      return { kind: "unknown" };
  }
}

/** What the client uses of a connect reply. */
export type Welcome = Omit<ConnectResult, "resumed" | "serverTime" | "expiresAt">;

/** Reads a connect reply. Only the session id is indispensable; limits fall back to the server's own defaults. */
export function readConnectResult(body: Json): Welcome | undefined {
  if (!isFields(body) || typeof body.sid !== "string") return undefined;
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
    ...(typeof body.user === "string" && { user: body.user }),
    ...readResumeToken(body),
  };
}

/** The resume token of a result, if it has one. The server refuses a longer one. */
export function readResumeToken(body: unknown): { readonly resumeToken?: string } {
  const token = isFields(body) ? body.resumeToken : undefined;
  const sound = typeof token === "string" && token !== "" && token.length <= MAX_RESUME_TOKEN_LENGTH;
  return sound ? { resumeToken: token } : {};
}

/** Reads the answer to a subscribe, alone or as one of `connect.subs`. What is broken in it proves nothing. */
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
export function readPresenceList(body: unknown): PresenceList | undefined {
  const counts = readCounts(body);
  if (counts === undefined || !isFields(body) || !Array.isArray(body.members)) return undefined;
  const { members, joinLeave, next } = body;
  if (!members.every(isMember)) return undefined;
  return {
    ...counts,
    members,
    perSession: typeof joinLeave === "string" ? joinLeave === "session" : undefined,
    next: typeof next === "string" ? next : undefined,
  };
}

function readCounts(body: unknown): Counts | undefined {
  const { version, users, sessions } = isFields(body) ? body : {};
  return isCount(version) && isCount(users) && isCount(sessions) ? { version, users, sessions } : undefined;
}

/** The publications of a result, up to the first that is none. */
function readStored({ publications }: Fields): readonly Stored[] {
  if (!Array.isArray(publications)) return [];
  const broken = publications.findIndex((each) => !isStored(each));
  return broken < 0 ? publications : publications.slice(0, broken);
}

const known: ReadonlySet<string> = new Set(
  "publication gap join leave presence message broadcast unsubscribed refresh drain disconnect".split(" "),
);

function isMember(value: unknown): value is Member {
  if (!isFields(value)) return false;
  const { session, user } = value;
  return typeof session === "string" && (user === undefined || typeof user === "string");
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isStored(value: unknown): value is Stored {
  return isFields(value) && value.data !== undefined && typeof value.offset === "number" && isPlace(value);
}

/** True when offset and epoch are those of a position, as far as they are there. */
function isPlace({ offset = 0, epoch = "-" }: Fields): boolean {
  return isPosition({ offset, epoch });
}

function reasonOf({ reason }: Fields): string {
  return typeof reason === "string" ? reason : "unverifiable";
}

function positive(value: unknown, otherwise: number): number {
  return typeof value === "number" && value > 0 && Number.isFinite(value) ? value : otherwise;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
