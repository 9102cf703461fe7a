/**
 * What the admin API tells of this instance's channels and connections.
 *
 * Lists come in pages in the order of names, so that every worker gives its part of a page. Each looks at all
 * that a worker has: for people and their tools, not for a loop.
 */
import { limitKey, namedKey } from "../../admission/client-address.js";
import { type AdminInstance, type Endpoint, endpoint, ok } from "./endpoint.js";
import { address, after, badRequest, channel, count, limit, PAGE_LIMIT, session, user } from "./fields.js";
import { described, flag, integer, list, number, object, optional, text } from "./schema.js";
import { type AdminAnswer, adminError } from "./server.js";

const SLOW_LIMIT = Object.freeze({ default: 20, max: 1000 });
const MAX_NAMED = 10;
const next = optional(described(text({ max: 255 }), "`after` of the next page; left out with the last."));
const named = list(text({ max: 255 }), 0, MAX_NAMED);

export const INSPECTION: readonly Endpoint[] = [
  endpoint({
    method: "GET",
    path: "/api/channels",
    summary: "List the channels with subscribers",
    description: "On this instance, with the number of subscribers here.",
    query: object({
      prefix: optional(described(text({ min: 0, max: 255 }), "What the names begin with.")),
      limit: optional(limit),
      after: optional(after),
    }),
    success: {
      status: 200,
      description: "A page, in the order of names.",
      schema: object({
        channels: list(object({ channel, subscribers: count }), 0, PAGE_LIMIT.max),
        next,
      }),
    },
    handle: async (instance, _, { prefix = "", limit: most = PAGE_LIMIT.default, after: behind = "" }) => {
      const channels = await instance.inspection.channels({ prefix, after: behind, limit: most });
      return ok(page("channels", channels, most, ({ channel: name }) => name));
    },
  }),
  endpoint({
    method: "GET",
    path: "/api/connections",
    summary: "List sessions",
    description:
      "Those that are connected to this instance, of one user, from one address, or all. A search by address asks the kernel for each, so it is answered with 503 where a worker has spent 0.5 % of its time on such searches.",
    query: object({
      user: optional(user),
      address: optional(address),
      limit: optional(limit),
      after: optional(after),
    }),
    success: {
      status: 200,
      description: "A page, in the order of session ids.",
      schema: object({
        connections: list(
          object({
            session,
            user: optional(user),
            address: optional(described(text({ max: 64 }), "Where it comes from, where that is known.")),
            expiresAt: optional(described(integer(0), "When its token expires, ms since 1970.")),
            subscriptions: count,
            channels: described(named, "The first ten of its channels."),
          }),
          0,
          PAGE_LIMIT.max,
        ),
        next,
        isCut: optional(
          described(flag(), "A search by address: whether its time was over before all were looked at."),
        ),
      }),
    },
    refusals: { 503: "There were too many searches by address; `Retry-After` says when to ask again." },
    handle: async (instance, _, query) => {
      const { user: of, address: from, limit: most = PAGE_LIMIT.default, after: behind = "" } = query;
      if (from !== undefined && of !== undefined)
        return adminError(400, badRequest, "The query has `user` and `address`: search by one of them.");
      if (from !== undefined) return atAddress(instance, from, behind, most);
      const connections = await instance.inspection.connections({ user: of, after: behind, limit: most });
      return ok(page("connections", connections, most, ({ session: id }) => id));
    },
  }),
  endpoint({
    method: "GET",
    path: "/api/slow",
    summary: "List the slowest clients",
    description: "Those of this instance whose outbox is fullest.",
    query: object({ limit: optional(integer(1, SLOW_LIMIT.max)) }),
    success: {
      status: 200,
      description: "The fullest outbox first.",
      schema: object({
        connections: list(
          object({
            id: session,
            user: optional(user),
            bytes: described(count, "Bytes that wait for it."),
            messages: described(count, "Frames that wait for it."),
            ageMs: described(number(), "For how long the oldest of them has waited."),
            fill: described(number(), "The share of the limit that is used up most."),
            skipped: described(count, "Publications left out since it fell behind."),
            behind: described(named, "The channels concerned."),
          }),
          0,
          SLOW_LIMIT.max,
        ),
      }),
    },
    handle: async (instance, _, { limit: most = SLOW_LIMIT.default }) =>
      ok({ connections: await instance.inspection.slowest(most) }),
  }),
];

async function atAddress(
  instance: AdminInstance,
  from: string,
  behind: string,
  most: number,
): Promise<AdminAnswer> {
  const key = limitKey(from.replace(/\/64$/, ""));
  const addresses = [...new Set([key, namedKey(from)])];
  const found = await instance.inspection.atAddress({ addresses, after: behind, limit: most });
  if (found.waitMs > 0) {
    const seconds = Math.ceil(found.waitMs / 1000);
    const message = `Searches by address have used up their share of time: ask again in ${seconds} s.`;
    return { ...adminError(503, "busy", message), headers: { "Retry-After": String(seconds) } };
  }
  const listed = page("connections", found.connections, most, ({ session: id }) => id);
  return ok(found.isCut ? { ...listed, isCut: true } : listed);
}

/** A full page may have another behind it. */
function page<Entry>(
  name: string,
  entries: readonly Entry[],
  most: number,
  idOf: (entry: Entry) => string,
): object {
  const last = entries.at(-1);
  return { [name]: entries, ...(entries.length === most && last !== undefined && { next: idOf(last) }) };
}
