/**
 * The tracing seam: spans of what happens to publications whose publisher traces them.
 *
 * Owns when there is a span: only where tracing is on and the publication came with a trace context that says
 * that its trace is recorded. An implementer owes: `begin` and `end` never throw and never wait; what they
 * keep is bounded. Called for a publication or a batch, never for a delivery.
 */
import { type Data, isSampled, withTraceparent } from "@holdfast/protocol";

/** What a span is of: a publication, its delivery by one worker, a question to the application. */
export type SpanName = "publish" | "deliver" | "webhook";

/** What is said of a span. */
export type SpanFacts = Readonly<Record<string, string | number>>;

export interface TraceSpan {
  /** Makes what follows a child of this span. */
  readonly traceparent: string;
  /** Called once. `problem`: why it failed; undefined where it did not. */
  end(facts?: SpanFacts, problem?: string): void;
}

export interface Tracing {
  /** `parent`: a valid `traceparent` that is sampled. */
  begin(name: SpanName, parent: string, facts?: SpanFacts): TraceSpan;
}

/** A span, where tracing is on and the parent is there and sampled. */
export function beginSpan(
  tracing: Tracing | undefined,
  name: SpanName,
  parent: string | undefined,
  facts?: SpanFacts,
): TraceSpan | undefined {
  if (tracing === undefined || parent === undefined || !isSampled(parent)) return undefined;
  return tracing.begin(name, parent, facts);
}

/**
 * Publishes data with its trace context, within a span where there is one. `send` is given the text for the
 * broker. Without a trace context it is given the data as it is, and its promise is returned.
 */
export function publishTraced<Result>(
  tracing: Tracing | undefined,
  traceparent: string | undefined,
  topic: string,
  data: Data,
  send: (data: Data) => Promise<Result>,
): Promise<Result> {
  if (traceparent === undefined) return send(data);
  const span = beginSpan(tracing, "publish", traceparent, { topic });
  const sent = send(withTraceparent(data, span?.traceparent ?? traceparent));
  if (span === undefined) return sent;
  return sent.then(
    (result) => {
      span.end();
      return result;
    },
    (error: unknown) => {
      span.end(undefined, error instanceof Error ? error.message : String(error));
      throw error;
    },
  );
}
