/**
 * The frames: what a client asks, what the server answers, what the server says unasked.
 *
 * On the wire a frame is one JSON object with one key that names the operation; here it is a union with `op`.
 * Types only: decode.ts and encode.ts turn them into text and back. Longer than other files on purpose: it is
 * one union, read beside docs/protocol.md.
 */
import type { ErrorCode } from "./codes.js";
import type { Data } from "./data.js";
import type { Position, UnrecoveredReason } from "./position.js";

/** Any JSON value. Data is carried, never interpreted. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** The WebSocket subprotocol of this version; a client that names none gets the same. */
export const SUBPROTOCOL = "holdfast.v1.json";

/** The same protocol in MessagePack. */
export const SUBPROTOCOL_MSGPACK = "holdfast.v1.msgpack";

/** Proof that the client held a session, and which. */
export interface Resume {
  /** The last `sid` the client was given. */
  readonly sid: string;
  /** The last `resumeToken` the client was given. */
  readonly token: string;
}

/** A publication as a channel's history keeps it. */
export interface StoredPublication {
  readonly offset: number;
  /** JSON; or bytes, in JSON as base64 with `bytes` beside it. */
  readonly data: Json | Uint8Array;
  /** Whether the data is bytes. */
  readonly bytes?: true;
  /** W3C trace context, where it was published with one. */
  readonly traceparent?: string;
}

/** What a client brings for one channel. Offset and epoch together: the position to recover from. */
export interface ChannelWish extends Partial<Position> {
  /** A subscription token: it allows this channel where nothing else does. */
  readonly token?: string;
  /** Who is there comes with the answer. */
  readonly presence?: boolean;
  /** Joins and leaves after that are pushed. */
  readonly joinLeave?: boolean;
}

export interface ConnectRequest {
  /** The token: which user the client is, and what it may do. */
  readonly token?: string;
  /** Name and version of the client library, for the operator's logs. At most 64 characters. */
  readonly client?: string;
  /** The session to go on with. */
  readonly resume?: Resume;
  /** The channels wanted, and what is brought for each; null for nothing. */
  readonly subs?: Readonly<Record<string, ChannelWish | null>>;
}

export interface SubscribeRequest {
  readonly channel: string;
  readonly since?: Position;
  /** A subscription token: it allows this channel where nothing else does. */
  readonly token?: string;
  /** Who is there comes with the answer. */
  readonly presence?: boolean;
  /** Joins and leaves after that are pushed. */
  readonly joinLeave?: boolean;
}

export interface UnsubscribeRequest {
  readonly channel: string;
}

export interface PublishRequest {
  readonly channel: string;
  /** JSON; or bytes, in JSON as base64 with `bytes` beside it. */
  readonly data: Json | Uint8Array;
  /** Whether the data is bytes. */
  readonly bytes?: boolean;
  /**
   * Names this publication: a repeat with the same key, within the server's window, is answered and not
   * published.
   */
  readonly key?: string;
  /** W3C trace context. One that is not valid is left out. */
  readonly traceparent?: string;
}

export interface HistoryRequest {
  readonly channel: string;
  /**
   * Publications after this position, or before it with `reverse`; without it from the oldest, or the newest.
   */
  readonly since?: Position;
  /** At most so many; 0 asks for the position alone. Default 100. */
  readonly limit?: number;
  /** Newest first. */
  readonly reverse?: boolean;
}

export interface PresenceRequest {
  readonly channel: string;
  /** At most so many members; 0 asks for the numbers alone. Default 100. */
  readonly limit?: number;
  /** The `next` of the page before. */
  readonly cursor?: string;
}

export interface SendRequest {
  /** A message to the backend. */
  readonly data: Json;
}

export interface RefreshRequest {
  /** Takes the place of the token that the connection, or one of its subscriptions, came with. */
  readonly token: string;
}

/** A client's command, decoded and checked. */
export type Command =
  | { readonly op: "connect"; readonly id: number; readonly body: ConnectRequest }
  | { readonly op: "subscribe"; readonly id: number; readonly body: SubscribeRequest }
  | { readonly op: "unsubscribe"; readonly id: number; readonly body: UnsubscribeRequest }
  | { readonly op: "publish"; readonly id: number; readonly body: PublishRequest }
  | { readonly op: "history"; readonly id: number; readonly body: HistoryRequest }
  | { readonly op: "presence"; readonly id: number; readonly body: PresenceRequest }
  | { readonly op: "refresh"; readonly id: number; readonly body: RefreshRequest }
  | { readonly op: "send"; readonly id: number; readonly body: SendRequest };

export type CommandName = Command["op"];

/** A command as the server has it: its data is the JSON text that the client wrote, or bytes. */
export type ReceivedCommand =
  | Exclude<Command, { readonly op: "publish" | "send" }>
  | {
      readonly op: "publish";
      readonly id: number;
      readonly body: Omit<PublishRequest, "data" | "bytes"> & { readonly data: Data };
    }
  | { readonly op: "send"; readonly id: number; readonly body: { readonly data: string } };

/** What the server takes; a client that stays inside never meets a limit by surprise. */
export interface AnnouncedLimits {
  /** Bytes of one WebSocket message. */
  readonly maxPayload: number;
  /** Channels that one connection may hold. */
  readonly maxChannels: number;
  /** Commands a second, sustained; a burst of twice that passes. */
  readonly commandRate: number;
}

/** A session in a channel. */
export interface PresenceMember {
  /** Left out for an anonymous one. */
  readonly user?: string;
  /** The same when the session goes on in another connection. */
  readonly session: string;
  /** What the token says that others are shown. */
  readonly info?: Json;
}

/** How many are in a channel. */
export interface PresenceCounts {
  /** Of the changes that clients are told: the next has one more. */
  readonly version: number;
  /** Different users; each anonymous session counts as one. */
  readonly users: number;
  readonly sessions: number;
}

/** Which joins and leaves are told: none, a user's first and last session, or every session's. */
export type JoinLeaveMode = "off" | "user" | "session";

export interface PresenceList extends PresenceCounts {
  readonly joinLeave: JoinLeaveMode;
  /** The members; none where there are more than a list may have. */
  readonly members: readonly PresenceMember[];
}

export interface PresenceResult extends PresenceList {
  /** Where the next page begins; left out at the end. */
  readonly next?: string;
}

/** A member joined or left. */
export interface JoinLeavePush {
  readonly channel: string;
  readonly member: PresenceMember;
  readonly version: number;
}

/**
 * With history: where the subscription begins, and what was missed. Without it: empty, but for the verdict
 * asked for.
 */
export interface SubscribeResult extends Partial<Position> {
  /** Whether everything since the position that was brought is here or will come. */
  readonly recovered?: boolean;
  /** Given when it is not. */
  readonly reason?: UnrecoveredReason;
  /** What was missed, oldest first; up to and including `offset`. */
  readonly publications?: readonly StoredPublication[];
  /** Given when it was asked for; what joins and leaves tell comes after it. */
  readonly presence?: PresenceList;
}

export interface HistoryResult extends Position {
  /** Oldest first, newest first with `reverse`. */
  readonly publications: readonly StoredPublication[];
}

/** The result of one entry of `connect.subs`, or of one channel named in the URL. */
export type SubscribeOutcome = SubscribeResult | { readonly error: ErrorCode };

export interface ConnectResult {
  readonly sid: string;
  /** Proves the right to go on with this session, also on another worker. */
  readonly resumeToken?: string;
  /** Whose connection this is; left out for an anonymous one. */
  readonly user?: string;
  /** When the token ends, ms since 1970 by the server's clock; left out when it does not. */
  readonly expiresAt?: number;
  /** True when the session that was presented goes on. */
  readonly resumed: boolean;
  /**
   * How often the server looks for silence, ms; a client that hears nothing for 1.5 times this +
   * `pongTimeout` is alone.
   */
  readonly ping: number;
  /** Silence after a ping that ends the connection, ms. */
  readonly pongTimeout: number;
  /** Server's clock, ms since 1970. */
  readonly serverTime: number;
  readonly limits: AnnouncedLimits;
  readonly subs?: Readonly<Record<string, SubscribeOutcome>>;
}

export interface RefreshResult {
  /** When the new token ends, ms since 1970 by the server's clock; left out when it does not. */
  readonly expiresAt?: number;
  /** Takes the place of the one before, which ends with the token before. */
  readonly resumeToken?: string;
}

/** What each command answers when it succeeds. */
export interface Results {
  readonly connect: ConnectResult;
  readonly subscribe: SubscribeResult;
  readonly unsubscribe: Readonly<Record<string, never>>;
  /** The position of the publication where the channel keeps history; of the first one with the same key. */
  readonly publish: Partial<Position>;
  readonly history: HistoryResult;
  readonly presence: PresenceResult;
  readonly refresh: RefreshResult;
  readonly send: Readonly<Record<string, never>>;
}

/** Publications of a channel that this connection was not sent. */
export interface GapNotice {
  readonly channel: string;
  /** The first and last offset that were skipped, where the channel keeps history. */
  readonly from?: number;
  readonly to?: number;
  /** The channel's epoch from here on. */
  readonly epoch?: string;
  /** `slow`: this connection's reader was too slow; otherwise why they could not be had. */
  readonly reason: "slow" | UnrecoveredReason;
}

export interface PublicationPush {
  readonly channel: string;
  /** JSON; or bytes, in JSON as base64 with `bytes` beside it. */
  readonly data: Json | Uint8Array;
  /** Whether the data is bytes. */
  readonly bytes?: true;
  /** Where the channel keeps history. */
  readonly offset?: number;
  /** Given when it is not that of the publication before. */
  readonly epoch?: string;
  /** W3C trace context, where it was published with one. */
  readonly traceparent?: string;
}

/** What is for a user, or for all. */
export type MessagePush = Pick<PublicationPush, "data" | "bytes" | "traceparent">;

/** The server gave this connection a channel that it had not asked for. */
export interface SubscribedNotice {
  readonly channel: string;
  /** Where the subscription begins, where the channel keeps history. */
  readonly offset?: number | undefined;
  readonly epoch?: string | undefined;
}

export interface RefreshNotice {
  /** When the token ends, ms from now. */
  readonly deadline: number;
  /** Given when it is this channel's subscription token. */
  readonly channel?: string;
}

export interface DrainNotice {
  /** When to come back, ms from now. */
  readonly reconnectAfter: number;
  /** When the server closes the connection at the latest, ms from now. */
  readonly deadline: number;
  readonly reason: string;
}

export interface DisconnectNotice {
  readonly code: number;
  readonly reason: string;
  readonly reconnect: boolean;
  /** Do not come back before, ms. */
  readonly retryAfter?: number;
}

/** A push as the client reads it. */
export type Push =
  | { readonly op: "connect"; readonly body: ConnectResult }
  | { readonly op: "publication"; readonly body: PublicationPush }
  | { readonly op: "gap"; readonly body: GapNotice }
  | { readonly op: "message"; readonly body: MessagePush }
  | { readonly op: "broadcast"; readonly body: MessagePush }
  | { readonly op: "subscribed"; readonly body: SubscribedNotice }
  | { readonly op: "unsubscribed"; readonly body: { readonly channel: string; readonly code: number } }
  | { readonly op: "join"; readonly body: JoinLeavePush }
  | { readonly op: "leave"; readonly body: JoinLeavePush }
  | { readonly op: "presence"; readonly body: { readonly channel: string } & PresenceCounts }
  | { readonly op: "refresh"; readonly body: RefreshNotice }
  | { readonly op: "drain"; readonly body: DrainNotice }
  | { readonly op: "disconnect"; readonly body: DisconnectNotice };

/** A reply as the client reads it. */
export type Reply =
  | { readonly id: number; readonly error: ErrorCode }
  | {
      [Op in CommandName]: { readonly id: number; readonly op: Op; readonly body: Results[Op] };
    }[CommandName];
