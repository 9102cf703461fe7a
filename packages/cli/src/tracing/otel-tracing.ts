/**
 * The tracing seam on OpenTelemetry: spans of the SDK that the operator's process has registered.
 *
 * The SDK samples, keeps and exports; it reads the standard OTEL_* variables. Invariant: nothing here throws,
 * whatever the SDK does, and a span that could not be made carries its parent's trace context on.
 */
import type { SpanFacts, SpanName, TraceSpan, Tracing } from "@holdfast/core";
import type * as Api from "@opentelemetry/api";

/** What is used of the package. */
export type OtelApi = Pick<
  typeof Api,
  "ROOT_CONTEXT" | "SpanKind" | "SpanStatusCode" | "isSpanContextValid" | "trace"
>;

const TRACER = "holdfast";
const KINDS = { publish: "PRODUCER", deliver: "CONSUMER", webhook: "CLIENT" } as const;
/** A trace that is not recorded, to ask an SDK with. */
const UNSAMPLED = `00-${"1".repeat(32)}-${"1".repeat(16)}-00`;

export class OtelTracing implements Tracing {
  readonly #api: OtelApi;
  readonly #tracer: Api.Tracer;

  constructor(api: OtelApi) {
    this.#api = api;
    this.#tracer = api.trace.getTracer(TRACER);
  }

  begin(name: SpanName, parent: string, facts: SpanFacts = {}): TraceSpan {
    try {
      const options = { kind: this.#api.SpanKind[KINDS[name]], attributes: named(facts) };
      const span = this.#tracer.startSpan(`holdfast ${name}`, options, contextOf(this.#api, parent));
      return new OtelSpan(this.#api, span, parent);
    } catch {
      return { traceparent: parent, end: () => {} };
    }
  }
}

class OtelSpan implements TraceSpan {
  readonly traceparent: string;
  readonly #api: OtelApi;
  readonly #span: Api.Span;

  constructor(api: OtelApi, span: Api.Span, parent: string) {
    this.#api = api;
    this.#span = span;
    const context = span.spanContext();
    this.traceparent = api.isSpanContextValid(context) ? textOf(context) : parent;
  }

  end(facts?: SpanFacts, problem?: string): void {
    try {
      if (facts !== undefined) this.#span.setAttributes(named(facts));
      if (problem !== undefined)
        this.#span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message: problem });
      this.#span.end();
    } catch {
      // The operator's SDK failed: a publication must not.
    }
  }
}

/** Whether an SDK is registered: without one a span is its parent. */
export function hasSdk(api: OtelApi): boolean {
  const context = contextOf(api, UNSAMPLED);
  const span = api.trace.getTracer(TRACER).startSpan("holdfast start", {}, context);
  span.end();
  return span.spanContext().spanId !== api.trace.getSpanContext(context)?.spanId;
}

/** `parent`: a valid `traceparent`. */
function contextOf(api: OtelApi, parent: string): Api.Context {
  const [, traceId = "", spanId = "", flags = "00"] = parent.split("-");
  const traceFlags = Number.parseInt(flags, 16);
  return api.trace.setSpanContext(api.ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

function textOf({ traceId, spanId, traceFlags }: Api.SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}

function named(facts: SpanFacts): Api.Attributes {
  return Object.fromEntries(Object.entries(facts).map(([name, value]) => [`holdfast.${name}`, value]));
}
