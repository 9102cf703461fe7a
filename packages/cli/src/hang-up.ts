/**
 * SIGHUP: a reload, unless it says that the terminal is gone. A gateway that was started in a terminal ends with it.
 */
import { isatty } from "node:tty";

/** What is used of the process. */
export interface HangUpSource {
  on(event: "SIGHUP", listener: () => void): unknown;
  off(event: "SIGHUP", listener: () => void): unknown;
}

const STANDARD_STREAMS = [0, 1, 2];

/** Returns what lets the signal go again. */
export function onHangUp(
  { reload, stop }: { readonly reload: () => void; readonly stop: () => void },
  source: HangUpSource = process,
  isTerminal: (fd: number) => boolean = isatty,
): () => void {
  const terminals = STANDARD_STREAMS.filter(isTerminal);
  const listener = (): void => {
    // One that hung up is no terminal any more.
    if (terminals.every(isTerminal)) reload();
    else stop();
  };
  source.on("SIGHUP", listener);
  return () => source.off("SIGHUP", listener);
}
