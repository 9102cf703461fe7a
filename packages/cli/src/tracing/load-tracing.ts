/**
 * Loads tracing where the setting asks for it: the package @opentelemetry/api, which is no dependency.
 *
 * Owns what an operator is told: that the package is missing, or that no OpenTelemetry SDK is registered.
 * Invariant: with `off` nothing is loaded.
 */
import type { Logger, Tracing } from "@holdfast/core";
import { Failure } from "../failure.js";
import { hasSdk, type OtelApi, OtelTracing } from "./otel-tracing.js";

/**
 * Undefined for `off`. Throws a `Failure` where the package cannot be loaded. `logger`: is told that spans go
 * nowhere, where no SDK is registered. `load`: loads the package.
 */
export async function loadTracing(
  setting: "off" | "otel",
  logger?: Pick<Logger, "warn">,
  load: () => Promise<OtelApi> = () => import("@opentelemetry/api"),
): Promise<Tracing | undefined> {
  if (setting !== "otel") return undefined;
  const api = await loaded(load);
  if (!hasSdk(api))
    logger?.warn(
      {},
      "tracing is otel, but no OpenTelemetry SDK is registered, so spans go nowhere: name a module that registers one, as in NODE_OPTIONS=--import=./tracing.mjs",
    );
  return new OtelTracing(api);
}

async function loaded(load: () => Promise<OtelApi>): Promise<OtelApi> {
  try {
    return await load();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Failure(
      `tracing: otel needs the package @opentelemetry/api, which could not be loaded (${why}): install it with \`npm install @opentelemetry/api\` beside holdfast, or set tracing to off`,
      2,
    );
  }
}
