/**
 * What an operator loads by `NODE_OPTIONS=--import`: an OpenTelemetry SDK that exports each span at once, to
 * OTEL_EXPORTER_OTLP_ENDPOINT.
 */
import { trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { BasicTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";

trace.setGlobalTracerProvider(
  new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter())] }),
);
