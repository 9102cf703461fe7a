/**
 * What orchestrators and operators ask: health, metrics, the drain, the rebalance.
 */
import { errors } from "@holdfast/protocol";
import { DRAIN_STATES } from "../operations/instance-drain.js";
import { LOAD_STATES } from "../rebalance/decision.js";
import { REBALANCE_PHASES, type RebalanceReport } from "../rebalance/report.js";
import { type AdminInstance, type Endpoint, endpoint, ok } from "./endpoint.js";
import { described, flag, integer, list, number, object, oneOf, orNull, text } from "./schema.js";
import { type AdminAnswer, adminError } from "./server.js";

const when = orNull(described(text({ max: 32 }), "ISO 8601."));
const progress = object({
  state: oneOf(DRAIN_STATES),
  left: described(integer(0), "Clients that are connected."),
  total: described(integer(0), "Clients that there were when the goodbyes began."),
  startedAt: when,
  deadline: when,
});

const MAX_INSTANCES = 256;
const MAX_TEXT = 512;

const report = object({
  automatic: described(flag(), "Whether it begins unasked: the setting `rebalance`."),
  rate: described(number(), "The part of its clients that an instance sends away in a second, at most."),
  phase: described(
    oneOf(REBALANCE_PHASES),
    "Of the instance that was asked. `held`: it would send clients away, and `hold` says why it does not.",
  ),
  restMs: described(integer(0), "Until the next round may begin unasked, ms."),
  hold: orNull(described(text({ max: MAX_TEXT }), "Why no client is sent away now.")),
  shed: described(integer(0), "Clients that it has sent away since it started."),
  total: described(integer(0), "Clients of all instances, those on their way included."),
  spread: described(number(), "The fullest instance less the emptiest, as a part of the mean."),
  instances: described(
    list(
      object({
        instance: text({ max: MAX_TEXT }),
        isAsked: described(flag(), "Whether it is the one that was asked."),
        state: oneOf(LOAD_STATES),
        connections: integer(0),
        capacity: described(integer(0), "Connections that it takes at most."),
        weight: described(number(), "Its share against the others'."),
        away: described(integer(0), "Clients that it has sent away and that may not be back yet."),
        share: described(integer(0), "Clients that it would hold."),
        over: described(integer(0), "Clients that it would send away; 0 where it is near enough."),
        sheds: described(flag(), "Whether it sends clients away now."),
        ageMs: described(integer(0), "Since it said so, ms."),
      }),
      0,
      MAX_INSTANCES,
    ),
    "By name; none before Redis was read.",
  ),
});

export const OPERATION: readonly Endpoint[] = [
  endpoint({
    method: "GET",
    path: "/livez",
    summary: "Ask whether the process works",
    open: true,
    success: { status: 200, description: "It does." },
    handle: () => ok("ok\n"),
  }),
  endpoint({
    method: "GET",
    path: "/readyz",
    summary: "Ask whether it should get traffic",
    open: true,
    success: {
      status: 200,
      description: "It should. Below `ok` a line for each promise that Redis does not let it keep.",
    },
    refusals: { 503: "It should not; a line for each reason." },
    handle: (instance) => {
      const problems = instance.notReady();
      if (problems.length > 0) return { status: 503, body: `${problems.join("\n")}\n` };
      return ok(`${["ok", ...new Set(instance.broker.weaknesses)].join("\n")}\n`);
    },
  }),
  endpoint({
    method: "GET",
    path: "/metrics",
    summary: "Read the metrics of the instance",
    success: { status: 200, description: "In Prometheus' text format." },
    handle: async (instance) => ({
      status: 200,
      body: await instance.metrics(),
      contentType: "text/plain; version=0.0.4; charset=utf-8",
    }),
  }),
  endpoint({
    method: "POST",
    path: "/api/drain",
    audit: { of: "action", shows: [] },
    summary: "Send all clients of this instance away",
    body: object({}),
    success: { status: 202, description: "It begins, or has begun.", schema: progress },
    refusals: { 503: "The instance has not started yet." },
    handle: (instance) => {
      const far = instance.drain();
      return far === undefined
        ? adminError(503, errors.unavailable.name, "The instance has not started yet.")
        : { status: 202, body: far };
    },
  }),
  endpoint({
    method: "GET",
    path: "/api/drain",
    summary: "Ask how far a drain is",
    success: { status: 200, description: "How far it is.", schema: progress },
    handle: (instance) => ok(instance.drainProgress()),
  }),
  endpoint({
    method: "POST",
    path: "/api/rebalance",
    audit: { of: "action", shows: [] },
    summary: "Send clients from instances that carry more than their share to others",
    description:
      "Of the whole cluster: each instance that is over its share sends clients away at its rate, until it is near it. One that cannot begin now does so within ten minutes, or not at all.",
    body: object({}),
    success: { status: 202, description: "It begins. What the instances carry now.", schema: report },
    refusals: { 409: "There are no other instances: no Redis joins them." },
    handle: (instance) =>
      withRebalancer(instance, (rebalancer) => {
        rebalancer.ask();
        return { status: 202, body: rebalancer.report() };
      }),
  }),
  endpoint({
    method: "GET",
    path: "/api/rebalance",
    summary: "Ask what each instance carries, and what a rebalance would do",
    success: { status: 200, description: "As of the last seconds.", schema: report },
    refusals: { 409: "There are no other instances: no Redis joins them." },
    handle: (instance) =>
      withRebalancer(instance, (rebalancer) => ok(rebalancer.report() satisfies RebalanceReport)),
  }),
];

function withRebalancer(
  { rebalancer }: AdminInstance,
  answer: (rebalancer: NonNullable<AdminInstance["rebalancer"]>) => AdminAnswer,
): AdminAnswer {
  return rebalancer === undefined
    ? adminError(409, "no_cluster", "There are no other instances: the setting `redis` joins them.")
    : answer(rebalancer);
}
