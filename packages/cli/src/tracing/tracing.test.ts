import { RecordingLogger } from "@holdfast/core/testing";
import { afterEach, describe, expect, it } from "@jest/globals";
import * as api from "@opentelemetry/api";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { loadTracing } from "./load-tracing.js";
import { hasSdk, OtelTracing } from "./otel-tracing.js";

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const PARENT = `00-${TRACE_ID}-b7ad6b7169203331-01`;

function registered(): InMemorySpanExporter {
  const exporter = new InMemorySpanExporter();
  api.trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  );
  return exporter;
}

afterEach(() => api.trace.disable());

describe("tracing on OpenTelemetry", () => {
  it("makes spans under the publisher's, of the kinds that backends know", () => {
    const exporter = registered();
    const tracing = new OtelTracing(api);
    const publish = tracing.begin("publish", PARENT, { topic: "channel:news" });
    const deliver = tracing.begin("deliver", publish.traceparent);
    deliver.end({ receivers: 3 });
    publish.end(undefined, "the broker is away");
    const [second, first] = exporter.getFinishedSpans();
    expect(first).toMatchObject({
      name: "holdfast publish",
      kind: api.SpanKind.PRODUCER,
      attributes: { "holdfast.topic": "channel:news" },
      status: { code: api.SpanStatusCode.ERROR, message: "the broker is away" },
      parentSpanContext: { spanId: "b7ad6b7169203331", traceId: TRACE_ID, isRemote: true },
    });
    expect(second).toMatchObject({
      name: "holdfast deliver",
      kind: api.SpanKind.CONSUMER,
      attributes: { "holdfast.receivers": 3 },
      parentSpanContext: { spanId: first?.spanContext().spanId },
    });
    expect(publish.traceparent).toBe(`00-${TRACE_ID}-${first?.spanContext().spanId}-01`);
  });

  it("carries the parent on where no SDK is registered", () => {
    const span = new OtelTracing(api).begin("publish", PARENT);
    expect(span.traceparent).toBe(PARENT);
    span.end();
  });

  it("fails no publication with an SDK that throws", () => {
    const broken = {
      ...api,
      trace: {
        ...api.trace,
        getTracer: () => ({
          startSpan() {
            throw new Error("broken");
          },
        }),
      },
    } as unknown as typeof api;
    const span = new OtelTracing(broken).begin("webhook", PARENT);
    expect(span.traceparent).toBe(PARENT);
    span.end({}, "why");
  });
});

describe("loading tracing", () => {
  it("loads nothing where it is off", async () => {
    expect(await loadTracing("off")).toBeUndefined();
  });

  it("says what to install where the package is missing", async () => {
    const missing = () => Promise.reject(new Error("Cannot find package '@opentelemetry/api'"));
    await expect(loadTracing("otel", undefined, missing)).rejects.toThrow(
      /Cannot find package '@opentelemetry\/api'.*`npm install @opentelemetry\/api` beside holdfast, or set tracing to off/,
    );
    expect(await loadTracing("off", undefined, missing)).toBeUndefined();
  });

  it("warns where no SDK is registered, and not where one is", async () => {
    const logger = new RecordingLogger();
    expect(hasSdk(api)).toBe(false);
    await loadTracing("otel", logger);
    expect(logger.messages("warn")).toEqual([expect.stringContaining("no OpenTelemetry SDK is registered")]);
    const exporter = registered();
    expect(hasSdk(api)).toBe(true);
    await loadTracing("otel", logger);
    expect(logger.messages("warn")).toHaveLength(1);
    // To look is no trace of anything.
    expect(exporter.getFinishedSpans()).toEqual([]);
  });
});
