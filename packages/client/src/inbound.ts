/**
 * What the server says, checked: decoded JSON → pushes and connect results that can be relied on.
 *
 * Never throws. A push of an unknown operation is skipped, so that a newer server can add some;
 * a known one with a wrong body is malformed.
 */
import {
  type ConnectResult,
  type Json,
  MAX_CHANNELS_DEFAULT,
  type SubscribeOutcome,
} from "@holdfast/protocol";

/** Data on a channel. */
export interface Publication {
  readonly channel: string;
  readonly data: Json;
}

export type Inbound =
  | { readonly kind: "publication"; readonly publication: Publication }
  | { readonly kind: "message" | "broadcast"; readonly data: Json }
  | { readonly kind: "unsubscribed"; readonly channel: string; readonly code: number }
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
      if (typeof channel !== "string" || data === undefined) return { kind: "malformed" };
      return { kind: op, publication: { ...body, channel, data } };
    case "message":
    case "broadcast":
      return data === undefined ? { kind: "malformed" } : { kind: op, data };
    case "unsubscribed":
      if (typeof channel !== "string" || typeof code !== "number") return { kind: "malformed" };
      return { kind: op, channel, code };
    case "drain":
    case "disconnect":
      return { kind: op, body };
    default:
      return { kind: "unknown" };
  }
}

/** Reads a connect reply. Only the session id is indispensable; limits fall back to the server's own defaults. */
export function readConnectResult(body: Json): ConnectResult | undefined {
  if (!isFields(body) || typeof body.sid !== "string") return undefined;
  const limits = isFields(body.limits) ? body.limits : {};
  return {
    sid: body.sid,
    resumed: body.resumed === true,
    ping: positive(body.ping, 0),
    pongTimeout: positive(body.pongTimeout, 0),
    serverTime: positive(body.serverTime, 0),
    limits: {
      maxPayload: positive(limits.maxPayload, 65_536),
      maxChannels: positive(limits.maxChannels, MAX_CHANNELS_DEFAULT),
      commandRate: positive(limits.commandRate, 100),
    },
    subs: isFields(body.subs) ? (body.subs as unknown as Readonly<Record<string, SubscribeOutcome>>) : {},
  };
}

const known: ReadonlySet<string> = new Set(
  "publication message broadcast unsubscribed drain disconnect".split(" "),
);

function positive(value: unknown, otherwise: number): number {
  return typeof value === "number" && value > 0 && Number.isFinite(value) ? value : otherwise;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
