/**
 * A worker's core, made of what the worker runs with. Invariant: a seam that the broker's backend lacks is
 * absent in core too.
 */
import { Core } from "@holdfast/core";
import type { WorkerMetrics } from "../link/metrics.js";
import type { WorkerBroker } from "./embedded/worker-broker.js";
import type { WorkerOptions } from "./options.js";
import type { SessionIds } from "./session-ids.js";
import { LoadedTokens } from "./tokens/loaded-tokens.js";
import { Webhooks } from "./webhook/webhooks.js";

/** Core on the seams of the worker's broker, asking tokens and webhooks. */
export function makeCore(
  options: WorkerOptions,
  own: WorkerBroker,
  metrics: WorkerMetrics,
  ids: SessionIds,
): Core {
  const { clock, logger, tokens, tracing, webhooks } = options;
  const { broker, sharedSecret, events, presence, revocations } = own;
  const refused = (): void => metrics.add("checks_refused", 1);
  return new Core(options.core, {
    broker,
    sharedSecret,
    events,
    presence,
    revocations,
    secret: options.secret,
    clock,
    logger,
    metrics,
    tracing,
    authenticator: tokens && new LoadedTokens(tokens, { clock, logger, fetch, refused }),
    authorizer: webhooks && new Webhooks(webhooks, { clock, logger, metrics, tracing }),
    sessionId: () => ids.next(),
    random: Math.random,
  });
}
