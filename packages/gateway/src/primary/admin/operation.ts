/**
 * What orchestrators and operators ask: health, metrics, the drain.
 */
import { errors } from "@holdfast/protocol";
import { DRAIN_STATES } from "../operations/instance-drain.js";
import { type Endpoint, endpoint, ok } from "./endpoint.js";
import { described, integer, object, oneOf, orNull, text } from "./schema.js";
import { adminError } from "./server.js";

const when = orNull(described(text({ max: 32 }), "ISO 8601."));
const progress = object({
  state: oneOf(DRAIN_STATES),
  left: described(integer(0), "Clients that are connected."),
  total: described(integer(0), "Clients that there were when the goodbyes began."),
  startedAt: when,
  deadline: when,
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
    success: { status: 200, description: "It should." },
    refusals: { 503: "It should not; a line for each reason." },
    handle: (instance) => {
      const problems = instance.notReady();
      return problems.length === 0 ? ok("ok\n") : { status: 503, body: `${problems.join("\n")}\n` };
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
];
