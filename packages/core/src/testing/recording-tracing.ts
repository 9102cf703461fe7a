/**
 * Tracing that a test can read: each span, and how it ended.
 */
import type { SpanFacts, SpanName, TraceSpan, Tracing } from "../runtime/tracing.js";

export interface RecordedSpan {
  readonly name: SpanName;
  readonly parent: string;
  readonly facts: SpanFacts;
  readonly traceparent: string;
  /** Undefined: it has not ended. */
  outcome: { readonly facts: SpanFacts | undefined; readonly problem: string | undefined } | undefined;
}

export class RecordingTracing implements Tracing {
  readonly spans: RecordedSpan[] = [];

  begin(name: SpanName, parent: string, facts: SpanFacts = {}): TraceSpan {
    const id = String(this.spans.length + 1).padStart(16, "a");
    const traceparent = `${parent.slice(0, 36)}${id}${parent.slice(-3)}`;
    const span: RecordedSpan = { name, parent, facts, traceparent, outcome: undefined };
    this.spans.push(span);
    return {
      traceparent,
      end(told, problem) {
        if (span.outcome !== undefined) throw new Error(`the span ${name} has ended twice`);
        span.outcome = { facts: told, problem };
      },
    };
  }

  /** Spans of a name, in the order of their beginnings. */
  of(name: SpanName): readonly RecordedSpan[] {
    return this.spans.filter((span) => span.name === name);
  }
}
