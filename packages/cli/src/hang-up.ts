/**
 * SIGHUP: a reload, unless it says that the terminal is gone.
 *
 *   the terminal is there, or there never was one     reload
 *   it is gone, and a standard stream was on it        stop: the gateway was started in it
 *   it is gone, and no standard stream was on it       nothing: `nohup`, or as good as that
 *   started by `nohup` as the shell tells it           nothing, ever
 *
 * Node.js undoes an ignored signal before any of our code runs, so that what `nohup` did cannot be read from the process: the
 * controlling terminal and the shell's variable `_` tell it.
 */
import { closeSync, constants, openSync } from "node:fs";
import { basename } from "node:path";
import { isatty } from "node:tty";

/** What is used of the process. */
export interface HangUpSource {
  on(event: "SIGHUP", listener: () => void): unknown;
  off(event: "SIGHUP", listener: () => void): unknown;
}

export interface Terminals {
  isTerminal(fd: number): boolean;
  /** Whether the process has a controlling terminal. */
  hasControlling(): boolean;
}

export interface HangUpOptions {
  readonly reload: () => void;
  readonly stop: () => void;
  /** A hang-up that is none of ours. */
  readonly ignored: () => void;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const STANDARD_STREAMS = [0, 1, 2];

const systemTerminals: Terminals = Object.freeze({
  isTerminal: isatty,
  hasControlling(): boolean {
    try {
      closeSync(openSync("/dev/tty", constants.O_RDONLY | constants.O_NOCTTY));
      return true;
    } catch {
      return false;
    }
  },
});

/** Returns what lets the signal go again. */
export function onHangUp(
  { reload, stop, ignored, env }: HangUpOptions,
  source: HangUpSource = process,
  terminals: Terminals = systemTerminals,
): () => void {
  const byNohup = basename(env._ ?? "") === "nohup";
  const streams = STANDARD_STREAMS.filter((fd) => terminals.isTerminal(fd));
  let controlled = terminals.hasControlling();
  const listener = (): void => {
    if (byNohup) return ignored();
    // One that hung up is no terminal any more.
    if (!streams.every((fd) => terminals.isTerminal(fd))) return stop();
    const gone = controlled && !terminals.hasControlling();
    // It goes once: a SIGHUP after that comes from an operator.
    if (gone) controlled = false;
    if (gone && streams.length === 0) return ignored();
    reload();
  };
  source.on("SIGHUP", listener);
  return () => source.off("SIGHUP", listener);
}
