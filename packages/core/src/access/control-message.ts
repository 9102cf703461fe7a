/**
 * Orders: what the application tells every worker to do with connections that are open. JSON on the topic
 * `control`.
 *
 *     {"op":"disconnect","user":"42","reason":"logged out"}          {"op":"revoke","token":"jti-1"}
 *     {"op":"unsubscribe","session":"AAAB0123456789abcdef","channel":"news"}
 *
 * Exactly one of `user`, `session` (a session id, of which the key counts, because the owner's part changes)
 * and `token` (a token's id) says whom. Any program that may publish to the broker may send one, so any text
 * may come: it is an order or a problem, never an exception. A field that is not known is ignored, so that a
 * newer version's order is carried out.
 */
import { channelProblem, ownerOf, sessionKey } from "@holdfast/protocol";
import type { Revocation, Subject } from "./revocation-store.js";

/** Characters of a user's or a token's id, and of a reason. */
export const MAX_SUBJECT_LENGTH = 255;
export const MAX_REASON_LENGTH = 255;

export interface DisconnectOrder {
  readonly op: "disconnect";
  readonly subject: Subject;
  /** Whether the client may come back. */
  readonly reconnect: boolean;
  readonly reason: string | undefined;
}

export interface RevokeOrder {
  readonly op: "revoke";
  readonly revocation: Revocation;
  /** Whether it comes from the store; otherwise the worker that hears it brings it there. */
  readonly stored: boolean;
}

export interface ChannelOrder {
  readonly op: "subscribe" | "unsubscribe";
  readonly subject: Subject;
  readonly channel: string;
}

export type ControlMessage = DisconnectOrder | RevokeOrder | ChannelOrder;

export interface ControlMessageProblem {
  readonly problem: string;
}

/** What holds where a revocation does not say it. */
export interface RevocationDefaults {
  readonly now: number;
  readonly ttlMs: number;
}

/** How far ahead the end of a revocation may lie, ms. */
export const MAX_REVOCATION_MS = 400 * 24 * 60 * 60 * 1000;
/**
 * How much later the end of one may lie that a store has kept: clocks differ, and it outlives the tokens'
 * leeway.
 */
const STORED_MARGIN_MS = 60 * 60 * 1000;

/** Any text → an order, or why it is none, as the end of a sentence. */
export function parseControlMessage(
  text: string,
  defaults: RevocationDefaults,
): ControlMessage | ControlMessageProblem {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: "is not JSON" };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { problem: "is not an object" };
  const fields = value as Readonly<Record<string, unknown>>;
  const subject = subjectOf(fields);
  if (typeof subject === "object") return subject;
  switch (fields.op) {
    case "disconnect":
      return disconnectOrder(subject, fields);
    case "revoke":
      return revokeOrderOf(subject, fields, defaults);
    case "subscribe":
    case "unsubscribe":
      return channelOrder(fields.op, subject, fields.channel);
    default:
      return { problem: "has no `op` of disconnect, revoke, subscribe, unsubscribe" };
  }
}

/** As it is published. */
export function orderText(order: ControlMessage): string {
  if (order.op === "revoke") {
    const { subject, at, until } = order.revocation;
    return JSON.stringify({
      op: order.op,
      ...named(subject),
      at,
      until,
      ...(order.stored && { stored: true }),
    });
  }
  const { subject, ...rest } = order;
  return JSON.stringify({ ...rest, ...named(subject) });
}

export function revokeOrder(revocation: Revocation, stored: boolean): RevokeOrder {
  return { op: "revoke", revocation, stored };
}

/** The subject that these fields name. */
export function subjectOf(fields: Readonly<Record<string, unknown>>): Subject | ControlMessageProblem {
  const { user, session, token } = fields;
  if ([user, session, token].filter((each) => each !== undefined).length !== 1)
    return { problem: "needs exactly one of `user`, `session`, `token`" };
  if (session !== undefined) {
    return typeof session === "string" && isSession(session)
      ? `session:${session.length === KEY_LENGTH ? session : sessionKey(session)}`
      : { problem: "has a `session` that is no session id" };
  }
  const [kind, id] = user === undefined ? (["token", token] as const) : (["user", user] as const);
  return typeof id === "string" && id.length > 0 && id.length <= MAX_SUBJECT_LENGTH
    ? `${kind}:${id}`
    : { problem: `has a \`${kind}\` that is not a string of 1 to ${MAX_SUBJECT_LENGTH} characters` };
}

const KEY_LENGTH = 16;

/** A session id, or the key of one. */
function isSession(text: string): boolean {
  return ownerOf(text.length === KEY_LENGTH ? `AAAA${text}` : text) !== undefined;
}

function disconnectOrder(
  subject: Subject,
  { reconnect = true, reason }: Readonly<Record<string, unknown>>,
): ControlMessage | ControlMessageProblem {
  if (typeof reconnect !== "boolean") return { problem: "has a `reconnect` that is neither true nor false" };
  if (reason !== undefined && (typeof reason !== "string" || reason.length > MAX_REASON_LENGTH))
    return { problem: `has a \`reason\` that is not a string of at most ${MAX_REASON_LENGTH} characters` };
  return { op: "disconnect", subject, reconnect, reason };
}

function revokeOrderOf(
  subject: Subject,
  fields: Readonly<Record<string, unknown>>,
  { now, ttlMs }: RevocationDefaults,
): ControlMessage | ControlMessageProblem {
  const { at = now, until = now + ttlMs, stored } = fields;
  if (!isTime(at)) return { problem: "has an `at` that is no time in ms since 1970" };
  const margin = stored === true ? STORED_MARGIN_MS : 0;
  if (!isTime(until) || until > now + MAX_REVOCATION_MS + margin)
    return { problem: "has an `until` that is no time in ms since 1970 within 400 days" };
  return revokeOrder({ subject, at, until }, stored === true);
}

function channelOrder(
  op: "subscribe" | "unsubscribe",
  subject: Subject,
  channel: unknown,
): ControlMessage | ControlMessageProblem {
  if (typeof channel !== "string") return { problem: "has no `channel`" };
  const problem = channelProblem(channel);
  return problem === undefined
    ? { op, subject, channel }
    : { problem: `has a channel whose name ${problem}` };
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The field that names the subject. */
function named(subject: Subject): Readonly<Record<string, string>> {
  const colon = subject.indexOf(":");
  return { [subject.slice(0, colon)]: subject.slice(colon + 1) };
}
