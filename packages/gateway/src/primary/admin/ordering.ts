/**
 * The admin API's orders to live connections: disconnect, revoke, subscribe, unsubscribe. For the whole
 * cluster.
 */
import {
  CONTROL,
  type ControlMessage,
  MAX_REASON_LENGTH,
  MAX_REVOCATION_MS,
  orderText,
  RevocationsFull,
  type Subject,
  subjectOf,
} from "@holdfast/core";
import { type AdminInstance, type Endpoint, endpoint, ok, orUnavailable, UNAVAILABLE } from "./endpoint.js";
import { badRequest, channel, nothing, session, timestamp, token, user } from "./fields.js";
import { described, flag, object, optional, text } from "./schema.js";
import { type AdminAnswer, adminError } from "./server.js";

const whom = { user: optional(user), session: optional(session), token: optional(token) };
const EXACTLY_ONE = Object.freeze({ exactlyOne: ["user", "session", "token"] as const });
const FULL = Object.freeze({ 409: "As many revocations are kept as `maxRevocations` allows." });

const channelOrder = object({ ...whom, channel }, EXACTLY_ONE);

export const ORDERING: readonly Endpoint[] = [
  endpoint({
    method: "POST",
    path: "/api/disconnect",
    audit: { of: "action", shows: ["user", "session", "token", "reason", "reconnect"] },
    summary: "End connections",
    description:
      "Those of a user, a session or a token that are open now. The client comes back by itself (`disconnected`) unless it is told not to (`dismissed`); to refuse it from now on, revoke.",
    body: object(
      {
        ...whom,
        reason: optional(
          described(text({ max: MAX_REASON_LENGTH }), "A sentence for the client's developer."),
        ),
        reconnect: optional(described(flag(), "Whether the client may come back by itself. Default true.")),
      },
      EXACTLY_ONE,
    ),
    success: { status: 200, description: "Every worker that can be reached is told.", schema: nothing },
    refusals: UNAVAILABLE,
    handle: (instance, { reason, reconnect = true, ...fields }) =>
      tell(instance, { op: "disconnect", subject: subject(fields), reconnect, reason }),
  }),
  endpoint({
    method: "POST",
    path: "/api/revoke",
    audit: { of: "action", shows: ["user", "session", "token", "until"] },
    summary: "Withdraw tokens or a session",
    description:
      "Ends the connections (`revoked`) and refuses from now on, on every instance, also those that are away: a user's tokens issued up to now (with an `iat` within `jwtLeeway` of it, too), one token by its id, or a session's resume tokens.",
    body: object(
      {
        ...whom,
        until: optional(
          described(
            timestamp,
            "Until when it is refused, ms since 1970: not before the token expires. Default: the setting `revocationTtl` from now.",
          ),
        ),
      },
      EXACTLY_ONE,
    ),
    success: {
      status: 200,
      description: "It is kept, and every worker that can be reached is told.",
      schema: object({
        at: described(timestamp, "When it was revoked, ms since 1970."),
        until: described(timestamp, "Until when it is refused, ms since 1970, at least."),
        loginFrom: optional(
          described(
            timestamp,
            "Of a user: a token issued from then on, ms since 1970, is taken again. Later than `at` by the setting `jwtLeeway`, to the next full second.",
          ),
        ),
      }),
    },
    refusals: { ...FULL, ...UNAVAILABLE },
    handle: (instance, { until, ...fields }) => revoke(instance, subject(fields), until),
  }),
  endpoint({
    method: "POST",
    path: "/api/subscribe",
    audit: { of: "action", shows: ["user", "session", "token", "channel"] },
    summary: "Give connections a channel",
    description:
      "To those that are connected now, whatever they may ask for themselves; they are told by the push `subscribed`. Who comes back asks for it, where it may.",
    body: channelOrder,
    success: { status: 200, description: "Every worker that can be reached is told.", schema: nothing },
    refusals: UNAVAILABLE,
    handle: (instance, { channel: name, ...fields }) =>
      tell(instance, { op: "subscribe", subject: subject(fields), channel: name }),
  }),
  endpoint({
    method: "POST",
    path: "/api/unsubscribe",
    audit: { of: "action", shows: ["user", "session", "token", "channel"] },
    summary: "Take a channel from connections",
    description:
      "They are told by the push `unsubscribed`. Whether they may subscribe again is for their tokens to say.",
    body: channelOrder,
    success: { status: 200, description: "Every worker that can be reached is told.", schema: nothing },
    refusals: UNAVAILABLE,
    handle: (instance, { channel: name, ...fields }) =>
      tell(instance, { op: "unsubscribe", subject: subject(fields), channel: name }),
  }),
];

function tell({ broker }: AdminInstance, order: ControlMessage): Promise<AdminAnswer> {
  return orUnavailable(async () => {
    await broker.publish(CONTROL, orderText(order));
    return ok({});
  });
}

function revoke(
  { now, revocations, revocationTtlMs, clockLeewayMs }: AdminInstance,
  whose: Subject,
  asked: number | undefined,
): AdminAnswer | Promise<AdminAnswer> {
  const at = now();
  const until = asked ?? at + revocationTtlMs;
  if (until <= at || until > at + MAX_REVOCATION_MS) {
    const message = `until must lie in the next 400 days, in ms since 1970: now is ${at}.`;
    return adminError(400, badRequest, message);
  }
  return orUnavailable(async () => {
    try {
      const leewayMs = clockLeewayMs();
      // By the clock of the store and by this instance's: a token is taken for the leeway after its end.
      await revocations.add([{ subject: whose, at, until: until + 2 * leewayMs }]);
      return ok({ at, until, ...(whose.startsWith("user:") && { loginFrom: nextSecond(at + leewayMs) }) });
    } catch (error) {
      if (error instanceof RevocationsFull) return adminError(409, "limit_revocations", `${error.message}.`);
      throw error;
    }
  });
}

/** An issuer cuts the `iat` of a token to the second: one issued before has the second before. */
function nextSecond(ms: number): number {
  return (Math.floor(ms / 1000) + 1) * 1000;
}

/** The schema has seen that exactly one is named. */
function subject(fields: Readonly<Record<string, unknown>>): Subject {
  const found = subjectOf(fields);
  if (typeof found === "object") throw new Error(`a request that ${found.problem}`);
  return found;
}
