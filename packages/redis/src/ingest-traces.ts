/**
 * Ingest's trace contexts: publishes a run of entries within the spans of those that have a context.
 *
 * A context is no reason to refuse an entry: one that is none is left out and counted.
 */
import { beginSpan, type Retention, type Topic, type TraceSpan } from "@holdfast/core";
import { isTraceparent, withTraceparent } from "@holdfast/protocol";
import type { InOrder } from "./connection/connection.js";
import type { PublicationPart } from "./log.js";
import type { RedisSeams } from "./options.js";

/** A publication with its context as it was added. */
export interface TracedPublication extends PublicationPart {
  readonly traceparent: string | undefined;
}

/** Publishes in order, and tells what became of it. */
export type PublishRun = (
  topic: Topic,
  publications: readonly PublicationPart[],
  retention: Retention | undefined,
) => Promise<InOrder<unknown>>;

type TraceSeams = Pick<RedisSeams, "metrics" | "tracing">;

/** Publishes a run. One without contexts costs nothing more. */
export async function publishTraced(
  publish: PublishRun,
  seams: TraceSeams,
  topic: Topic,
  run: readonly TracedPublication[],
  retention: Retention | undefined,
): Promise<InOrder<unknown>> {
  if (run.every(({ traceparent }) => traceparent === undefined)) return publish(topic, run, retention);
  const spans: (TraceSpan | undefined)[] = [];
  const traced = run.map(({ key, data, traceparent }) => {
    const parent = validTraceparent(seams, traceparent);
    const span = beginSpan(seams.tracing, "publish", parent, { topic });
    spans.push(span);
    return { key, data: withTraceparent(data, span?.traceparent ?? parent) };
  });
  const outcome = await publish(topic, traced, retention);
  const { done, failure } = outcome;
  const problem = failure instanceof Error ? failure.message : String(failure);
  for (const [n, span] of spans.entries()) span?.end(undefined, n < done.length ? undefined : problem);
  return outcome;
}

function validTraceparent({ metrics }: TraceSeams, traceparent: string | undefined): string | undefined {
  if (traceparent === undefined || isTraceparent(traceparent)) return traceparent;
  metrics.add("trace_contexts_dropped", 1);
  return undefined;
}
