/**
 * Standard streams on a terminal that has closed: given up before the process ends.
 *
 * At its end Node.js restores the settings of the terminals that it was started on, and aborts, with a core
 * dump, where one has closed meanwhile. A stream that is closed by then is left out. Invariant: streams on a
 * terminal that is there stay as they are.
 */
import { closeSync } from "node:fs";
import { isatty } from "node:tty";

const STANDARD_STREAMS = [0, 1, 2];

/** Call it once, at the start. */
export function giveUpClosedTerminals(): void {
  const terminals = STANDARD_STREAMS.filter((fd) => isatty(fd));
  if (terminals.length === 0) return;
  process.on("exit", () => {
    for (const fd of terminals) if (!isatty(fd)) close(fd);
  });
}

function close(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // Closed already.
  }
}
