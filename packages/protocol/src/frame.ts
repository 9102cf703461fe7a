/**
 * The frames: what a client asks, what the server answers, what the server says unasked.
 *
 * On the wire a frame is one JSON object with one key that names the operation; here it is a union with `op`.
 * Types only: decode.ts and encode.ts turn them into text and back.
 */
import type { ErrorCode } from "./codes.js";
import type { Position, UnrecoveredReason } from "./position.js";

/** Any JSON value. Data is carried, never interpreted. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** The WebSocket subprotocol of this version; a client that names none gets the same. */
export const SUBPROTOCOL = "holdfast.v1.json";

export interface ConnectRequest {
  readonly token?: string;
  /** Name and version of the client library, for the operator's logs. At most 64 characters. */
  readonly client?: string;
  /** The channels wanted; a position asks for what was missed since, null for none. */
  readonly subs?: Readonly<Record<string, Position | null>>;
}

export interface SubscribeRequest {
  readonly channel: string;
  readonly since?: Position;
}

export interface UnsubscribeRequest {
  readonly channel: string;
}

export interface PublishRequest {
  readonly channel: string;
  readonly data: Json;
}

/** A client's command, decoded and checked. */
export type Command =
  | { readonly op: "connect"; readonly id: number; readonly body: ConnectRequest }
  | { readonly op: "subscribe"; readonly id: number; readonly body: SubscribeRequest }
  | { readonly op: "unsubscribe"; readonly id: number; readonly body: UnsubscribeRequest }
  | { readonly op: "publish"; readonly id: number; readonly body: PublishRequest };

export type CommandName = Command["op"];

/** What the server takes; a client that stays inside never meets a limit by surprise. */
export interface AnnouncedLimits {
  /** Bytes of one WebSocket message. */
  readonly maxPayload: number;
  /** Channels that one connection may hold. */
  readonly maxChannels: number;
  /** Commands a second, sustained; a burst of twice that passes. */
  readonly commandRate: number;
}

export interface SubscribeResult {
  readonly recovered?: boolean;
  readonly reason?: UnrecoveredReason;
}

/** The result of one entry of `connect.subs`, or of one channel named in the URL. */
export type SubscribeOutcome = SubscribeResult | { readonly error: ErrorCode };

export interface ConnectResult {
  readonly sid: string;
  /** True when the session of the `sid` that was presented goes on. */
  readonly resumed: boolean;
  /** How often the server looks for silence, ms; a client that hears nothing for 1.5 times this + `pongTimeout` is alone. */
  readonly ping: number;
  /** Silence after a ping that ends the connection, ms. */
  readonly pongTimeout: number;
  /** Server's clock, ms since 1970. */
  readonly serverTime: number;
  readonly limits: AnnouncedLimits;
  readonly subs?: Readonly<Record<string, SubscribeOutcome>>;
}

/** What each command answers when it succeeds. */
export interface Results {
  readonly connect: ConnectResult;
  readonly subscribe: SubscribeResult;
  readonly unsubscribe: Readonly<Record<string, never>>;
  readonly publish: Readonly<Record<string, never>>;
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
  | { readonly op: "publication"; readonly body: { readonly channel: string; readonly data: Json } }
  | { readonly op: "message"; readonly body: { readonly data: Json } }
  | { readonly op: "broadcast"; readonly body: { readonly data: Json } }
  | { readonly op: "unsubscribed"; readonly body: { readonly channel: string; readonly code: number } }
  | { readonly op: "drain"; readonly body: DrainNotice }
  | { readonly op: "disconnect"; readonly body: DisconnectNotice };

/** A reply as the client reads it. */
export type Reply =
  | { readonly id: number; readonly error: ErrorCode }
  | {
      [Op in CommandName]: { readonly id: number; readonly op: Op; readonly body: Results[Op] };
    }[CommandName];
