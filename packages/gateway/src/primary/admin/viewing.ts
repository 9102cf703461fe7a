/**
 * What operators watch live and look up: the overview, the survey, one client, and why it did not get
 * something. For the dashboard, `holdfast top` and `holdfast status`.
 */
import { type Endpoint, endpoint, ok } from "./endpoint.js";
import { channel, limit, PAGE_LIMIT, session, user } from "./fields.js";
import { anything, described, flag, integer, list, number, object, optional, text } from "./schema.js";

/** Connections of one user that are looked at. */
const MAX_REPORTS = 20;
const MAX_LISTED = 1000;
const things = (description: string) => described(list(anything(), 0, MAX_LISTED), description);

export const VIEWING: readonly Endpoint[] = [
  endpoint({
    method: "GET",
    path: "/api/overview",
    summary: "Watch the instance and its workers",
    description: "Cheap enough to be asked each second. Counters only grow: make rates of two answers.",
    query: object({}),
    success: {
      status: 200,
      description: "The instance and each worker, as they are now.",
      schema: object({
        at: described(integer(0), "ms since 1970."),
        version: text({ max: 64 }),
        node: text({ max: 64 }),
        startedAt: described(integer(0), "ms since 1970."),
        ready: anything(),
        problems: things("Why it is not ready, one sentence each."),
        maxConnections: integer(0),
        pending: described(integer(0), "Sockets at the front door."),
        drain: described(anything(), "As GET /api/drain."),
        reloadLeft: described(integer(0), "Workers that a reload has yet to replace."),
        rebalance: optional(
          described(anything(), "As GET /api/rebalance; left out where there is no cluster."),
        ),
        latencies: described(
          anything(),
          "Of all workers: `bounds` (s), and how many took so long: `delivery` (the canary's), `loop`, `gc`.",
        ),
        incidents: things("What went wrong for clients in the last five minutes, by kind and code."),
        workers: things("One entry for each worker process."),
      }),
    },
    handle: async (instance) => ({ ...ok(await instance.overview()), isShared: true }),
  }),
  endpoint({
    method: "GET",
    path: "/api/survey",
    summary: "Find the slowest connections and the busiest channels",
    description:
      "Takes a walk over all connections, so workers make new ones at most as often as all of them together cost 0.5 % of a core; `at` says when.",
    query: object({}),
    success: {
      status: 200,
      description: "Figures of all workers together.",
      schema: object({
        at: described(integer(0), "When the oldest of the workers' surveys was made, ms since 1970."),
        outboxBytes: described(integer(0), "Bytes that wait for all connections together."),
        waiting: described(integer(0), "Connections for which bytes wait."),
        slowest: things("The fullest outbox first, as GET /api/slow."),
        busiest: things("The channels with most publications a second since the survey before."),
        widest: things("The sessions with most channels: `session`, `user`, `channels`."),
        workers: things("What waits in each worker: `slot`, `outboxBytes`, `waiting`."),
      }),
    },
    handle: async (instance) => ok(await instance.inspection.survey()),
  }),
  endpoint({
    method: "GET",
    path: "/api/connection",
    summary: "Look at the connections of one session or user",
    query: object({ session: optional(session), user: optional(user) }, { exactlyOne: ["session", "user"] }),
    success: {
      status: 200,
      description: "What each of them is subscribed to, where it stands, and what waits for it.",
      schema: object({ connections: things("At most twenty."), incidents: things("The newest first.") }),
    },
    handle: async (instance, _, query) => {
      const connections = await instance.inspection.reports({ ...query, limit: MAX_REPORTS });
      const incidents = await instance.inspection.incidents({ ...query, limit: PAGE_LIMIT.default });
      return ok({ connections, incidents });
    },
  }),
  endpoint({
    method: "GET",
    path: "/api/probe",
    summary: "Ask whom a request was taken for",
    description:
      "Of an upgrade to this instance that had the header `Holdfast-Probe` with this name. Each worker remembers the last sixteen.",
    query: object({ name: described(text({ min: 16, max: 64 }), "Letters, digits, - and _.") }),
    success: {
      status: 200,
      description: "`seen` is left out where no worker has met it.",
      schema: object({
        seen: optional(
          object({
            peer: described(text({ max: 64 }), "Address of the other end of its connection."),
            peerPort: integer(0, 65_535),
            address: optional(
              described(text({ max: 64 }), "The address that it is counted by, of IPv6 the network of /64."),
            ),
            isProxy: described(flag(), "Whether the peer is trusted to speak for others."),
          }),
        ),
      }),
    },
    handle: async (instance, _, { name }) => {
      const seen = await instance.inspection.seen(name);
      return ok(seen === undefined ? {} : { seen });
    },
  }),
  endpoint({
    method: "GET",
    path: "/api/delivery",
    summary: "Ask why a client did not get a channel's publications",
    query: object(
      { channel, session: optional(session), user: optional(user) },
      { exactlyOne: ["session", "user"] },
    ),
    success: {
      status: 200,
      description: "Findings, the gravest first, and what they were made from.",
      schema: object({
        findings: list(
          object({
            code: described(text({ max: 64 }), "For programs."),
            gravity: described(text({ max: 8 }), "`fault`, `note` or `ok`."),
            message: text({ max: 1000 }),
          }),
          1,
          MAX_LISTED,
        ),
        connections: things("As GET /api/connection."),
        incidents: things("The newest first."),
        subscribers: described(integer(0), "Of the channel, on this instance."),
        newestOffset: optional(described(number(), "Of the channel's history.")),
      }),
    },
    handle: async (instance, _, query) => {
      const { channel: name, ...client } = query;
      return ok(await instance.checkDelivery(name, client));
    },
  }),
  endpoint({
    method: "GET",
    path: "/api/incidents",
    summary: "List what lately went wrong for clients",
    query: object({
      channel: optional(channel),
      session: optional(session),
      user: optional(user),
      limit: optional(limit),
    }),
    success: {
      status: 200,
      description: "The newest first, with how often.",
      schema: object({ incidents: things("Refusals, disconnects, gaps, clients that fell behind.") }),
    },
    handle: async (instance, _, { limit: most = PAGE_LIMIT.default, ...query }) =>
      ok({ incidents: await instance.inspection.incidents({ ...query, limit: most }) }),
  }),
  endpoint({
    method: "GET",
    path: "/api/warnings",
    summary: "Read the last warnings of all processes",
    query: object({ limit: optional(limit) }),
    success: {
      status: 200,
      description: "Log lines of the levels warn and error, the newest first.",
      schema: object({ warnings: things("With `process`: primary, or the slot of the worker.") }),
    },
    handle: async (instance, _, { limit: most = PAGE_LIMIT.default }) =>
      ok({ warnings: await instance.warnings(most) }),
  }),
];
