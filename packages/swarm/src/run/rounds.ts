/**
 * A round: one broadcast to every connection, and how it arrived.
 *
 * It ends when every connection that was open at its beginning has it or is gone, or when nothing came for a
 * while; then it waits a little longer, so that what comes twice is seen. Invariant: once + missing +
 * repeated + lost = expected.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Fleet } from "../fleet/fleet.js";
import { Histogram } from "../histogram.js";
import type { Gateway } from "../measure/gateway.js";
import type { Tally } from "../messages.js";
import type { Round } from "../report/report.js";
import { monotonicMicros } from "../stamp.js";
import type { Recorder } from "./recorder.js";

const POLL_MS = 500;
/** Without any progress. */
const PATIENCE_MS = 20_000;
const SECOND_LOOK_MS = 1_000;

export interface RoundContext {
  readonly run: string;
  readonly fleet: Fleet;
  readonly gateway: Gateway;
  readonly recorder: Recorder;
  readonly signal: AbortSignal;
}

/** Throws a `SwarmProblem` when the gateway did not take the broadcast. */
export async function playRound(round: number, context: RoundContext): Promise<Round> {
  const { run, fleet, gateway, recorder, signal } = context;
  fleet.tell({ do: "expect", round });
  // An answer of every agent means that every agent has begun the round. The sample begins a new span of the
  // loop's delay.
  await fleet.tallies();
  await recorder.sample();
  const sentS = recorder.seconds;
  await gateway.broadcast({ run, round, sentMicros: monotonicMicros() });
  let progressedMs = performance.now();
  let settled = 0;
  while (!signal.aborted) {
    await sleep(POLL_MS);
    const sum = addUp(await fleet.tallies());
    const now = sum.expected - sum.missing;
    if (now > settled) progressedMs = performance.now();
    settled = now;
    if (sum.missing === 0 || performance.now() - progressedMs > PATIENCE_MS) break;
  }
  await sleep(SECOND_LOOK_MS);
  const tallies = await fleet.tallies();
  const { loopDelayMaxMs } = await recorder.sample();
  const latencies = new Histogram();
  for (const tally of tallies) latencies.merge(tally.latencies);
  const { expected, once, missing, repeated, lost } = addUp(tallies);
  const lastMs = Math.max(0, ...tallies.map((tally) => tally.lastMicros)) / 1000;
  return {
    round,
    sentS: Math.round(sentS * 100) / 100,
    expected,
    once,
    missing,
    repeated,
    lost,
    p50Ms: Math.min(lastMs, latencies.quantile(0.5) / 1000),
    p99Ms: Math.min(lastMs, latencies.quantile(0.99) / 1000),
    maxMs: lastMs,
    durationMs: lastMs,
    loopDelayMaxMs,
    receipts: receiptCurve(latencies),
  };
}

function addUp(
  tallies: readonly Tally[],
): Pick<Round, "expected" | "once" | "missing" | "repeated" | "lost"> {
  const sum = { expected: 0, once: 0, missing: 0, repeated: 0, lost: 0 };
  for (const tally of tallies) {
    sum.expected += tally.expected;
    sum.once += tally.once;
    sum.missing += tally.missing;
    sum.repeated += tally.repeated;
    sum.lost += tally.lost;
  }
  return sum;
}

function receiptCurve(latencies: Histogram): [number, number][] {
  if (latencies.total === 0) return [];
  return Array.from({ length: 101 }, (_, percent) => [
    latencies.quantile(Math.max(percent / 100, Number.EPSILON)) / 1000,
    percent / 100,
  ]);
}
