/**
 * A gateway that is watched once: two overviews with a second between them, so that there are rates.
 */
import type { Overview } from "@holdfast/gateway";
import type { AdminClient } from "../admin-client.js";
import { Failure } from "../failure.js";
import { type OverviewRates, ratesBetween } from "./rates.js";

export interface WatchedOnce {
  readonly overview: Overview;
  readonly rates: OverviewRates | undefined;
}

/** Resolves after so many ms, or rejects when the signal aborts. */
export type Wait = (ms: number, signal: AbortSignal) => Promise<unknown>;

const BETWEEN_MS = 1000;

/** Rejects with a `Failure` where the signal aborts. */
export async function watchOnce(
  client: Pick<AdminClient, "overview">,
  wait: Wait,
  interrupted: AbortSignal,
): Promise<WatchedOnce> {
  const before = await client.overview();
  try {
    await wait(BETWEEN_MS, interrupted);
  } catch (error) {
    if (interrupted.aborted) throw new Failure("interrupted");
    throw error;
  }
  const overview = await client.overview();
  return { overview, rates: ratesBetween(before, overview) };
}
