/**
 * SIGINT and SIGTERM: the first asks for a graceful stop, the second for an end at once, a third ends this
 * process.
 *
 * The same signal again within a second is the same wish: under `npm start` a Ctrl-C reaches the process
 * twice, from the terminal and from npm.
 */
import { constants } from "node:os";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

export type StopSignal = (typeof SIGNALS)[number];

/** How long the same signal again is one wish, ms. */
const ONE_WISH_MS = 1_000;

/** What is used of the process. */
export interface SignalSource {
  on(event: StopSignal, listener: (signal: StopSignal) => void): unknown;
  off(event: StopSignal, listener: (signal: StopSignal) => void): unknown;
  exit(code: number): unknown;
}

export interface Stops {
  /** Called at most once. */
  readonly stop: (signal: StopSignal) => void;
  /** Ends what is left at once. Called at most once, after `stop`; then the process exits. */
  readonly abort: () => Promise<unknown>;
}

/** Returns what lets the signals go again. `now`: monotonic ms. */
export function onStopSignals(
  { stop, abort }: Stops,
  source: SignalSource = process,
  now: () => number = () => performance.now(),
): () => void {
  let wishes = 0;
  let last: { readonly signal: StopSignal; readonly at: number } | undefined;
  const listener = (signal: StopSignal): void => {
    if (last?.signal === signal && now() - last.at < ONE_WISH_MS) return;
    last = { signal, at: now() };
    wishes++;
    // 128 and the signal's number: what a shell reports for a process that a signal ended.
    const exit = (): unknown => source.exit(128 + constants.signals[signal]);
    if (wishes === 1) stop(signal);
    else if (wishes === 2) abort().then(exit, exit);
    else exit();
  };
  for (const signal of SIGNALS) source.on(signal, listener);
  return () => {
    for (const signal of SIGNALS) source.off(signal, listener);
  };
}
