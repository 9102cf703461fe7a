/**
 * Signals that other programs take as a request, and that would end this process: SIGUSR2, by which some
 * reopen their logs or restart.
 *
 * Invariant: such a signal changes nothing, and the log says so.
 */

/** What is used of the process. */
export interface IdleSignalSource {
  on(event: "SIGUSR2", listener: () => void): unknown;
  off(event: "SIGUSR2", listener: () => void): unknown;
}

/** Returns what lets the signal go again. */
export function onIdleSignals(ignored: () => void, source: IdleSignalSource = process): () => void {
  source.on("SIGUSR2", ignored);
  return () => source.off("SIGUSR2", ignored);
}
