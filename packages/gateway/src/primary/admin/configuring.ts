/**
 * What operators see of the settings, and the reload: begin it, and how far it is.
 */
import { errors } from "@holdfast/protocol";
import { RELOAD_STATES } from "../workers/reload.js";
import { type Endpoint, endpoint, ok } from "./endpoint.js";
import { anything, described, flag, integer, list, object, oneOf, orNull, text } from "./schema.js";
import { adminError } from "./server.js";

const MAX_SETTINGS = 1000;
const MAX_TEXT = 4096;
const when = orNull(described(text({ max: 32 }), "ISO 8601."));
const progress = object({
  state: oneOf(RELOAD_STATES),
  left: described(integer(0), "Workers that are yet to be replaced."),
  total: described(integer(0), "Workers of the round."),
  startedAt: when,
  endedAt: when,
  problem: orNull(described(text({ max: MAX_TEXT }), "Why the last round ended early.")),
});

export const CONFIGURING: readonly Endpoint[] = [
  endpoint({
    method: "GET",
    path: "/api/settings",
    summary: "List the settings that run",
    description: "All of them, those at their default included. Secrets are masked.",
    query: object({}),
    success: {
      status: 200,
      description: "In the order of docs/configuration.md.",
      schema: object({
        settings: list(
          object({
            name: text({ max: 64 }),
            value: described(
              anything(),
              "As in holdfast.json; null where it is unset; what `auto` stands for here.",
            ),
            source: described(
              text({ max: MAX_TEXT }),
              "The flag, variable or file that says it, or `default`.",
            ),
            isDefault: flag(),
            isSecret: described(flag(), "Then `value` is a mask."),
            reloads: described(flag(), "Whether a reload changes it; otherwise a restart does."),
            waits: described(flag(), "Whether another value was read at a reload and waits for a restart."),
          }),
          0,
          MAX_SETTINGS,
        ),
      }),
    },
    handle: (instance) => ok({ settings: instance.settings() }),
  }),
  endpoint({
    method: "POST",
    path: "/api/reload",
    audit: { of: "action", shows: [] },
    summary: "Read the settings again and replace the workers",
    description: "As SIGHUP does: one worker after the other. A second one joins the round under way.",
    body: object({}),
    success: { status: 202, description: "It begins, or joins the one under way.", schema: progress },
    refusals: {
      409: "The settings that were read are wrong; the old ones go on.",
      503: "The instance has not started yet, or is going away.",
    },
    handle: (instance) => {
      const outcome = instance.reload();
      switch (outcome.kind) {
        case "begun":
          return { status: 202, body: instance.reloadProgress() };
        case "refused":
          return adminError(409, "reload_refused", refusalText(outcome.problems));
        case "unavailable":
          return adminError(503, errors.unavailable.name, "The instance has not started, or is going away.");
      }
    },
  }),
  endpoint({
    method: "GET",
    path: "/api/reload",
    summary: "Ask how far a reload is",
    success: { status: 200, description: "How far the last one is.", schema: progress },
    handle: (instance) => ok(instance.reloadProgress()),
  }),
];

function refusalText(problems: readonly string[]): string {
  return `The old settings go on: ${problems.join("; ")}`.slice(0, MAX_TEXT);
}
