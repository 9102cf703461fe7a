/**
 * SIGINT and SIGTERM: the first asks for a graceful stop, the second ends the process at once.
 */
import { constants } from "node:os";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

export type StopSignal = (typeof SIGNALS)[number];

/** What is used of the process. */
export interface SignalSource {
  on(event: StopSignal, listener: (signal: StopSignal) => void): unknown;
  off(event: StopSignal, listener: (signal: StopSignal) => void): unknown;
  exit(code: number): unknown;
}

/** Calls `stop` at most once. Returns what lets the signals go again. */
export function onStopSignals(
  stop: (signal: StopSignal) => void,
  source: SignalSource = process,
): () => void {
  let asked = false;
  const listener = (signal: StopSignal): void => {
    // 128 and the signal's number: what a shell reports for a process that a signal ended.
    if (asked) {
      source.exit(128 + constants.signals[signal]);
      return;
    }
    asked = true;
    stop(signal);
  };
  for (const signal of SIGNALS) source.on(signal, listener);
  return () => {
    for (const signal of SIGNALS) source.off(signal, listener);
  };
}
