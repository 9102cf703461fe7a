/**
 * SIGHUP: a reload, unless it says that the terminal is gone.
 *
 *   the terminal is there, or there never was one     reload
 *   it is gone, and a standard stream was on it        stop: the gateway was started in it
 *   it is gone, and no standard stream was on it       nothing: `nohup`, or as good as that
 *   started by `nohup` as the shell tells it           nothing, ever
 *   a job in the background, and no file to read        nothing, ever
 *
 * Node.js undoes an ignored signal before any of our code runs, so that what `nohup` did cannot be read from
 * the process: the controlling terminal, the shell's variable `_` and what a job in the background looks like
 * tell it.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
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
  /**
   * Whether the process reads no input and leads no session, as a service does: a script or shell started
   * it aside.
   */
  isBackgroundJob(): boolean;
}

export interface HangUpOptions {
  readonly reload: () => void;
  readonly stop: () => void;
  /** A hang-up that is none of ours. */
  readonly ignored: () => void;
  /** Whether there is a file of settings that a reload would read again. */
  readonly hasFile: boolean;
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
  isBackgroundJob(): boolean {
    try {
      if (!fstatSync(0).isCharacterDevice() || isatty(0) || process.ppid <= 1) return false;
      // proc(5): the name in parentheses, the state, the parent, the process group, the session.
      const session = /\) \S \d+ \d+ (\d+)/.exec(readFileSync("/proc/self/stat", "utf8"))?.[1];
      return session !== undefined && Number(session) !== process.pid;
    } catch {
      return false;
    }
  },
});

/** Returns what lets the signal go again. */
export function onHangUp(
  { reload, stop, ignored, hasFile, env }: HangUpOptions,
  source: HangUpSource = process,
  terminals: Terminals = systemTerminals,
): () => void {
  const isNone = basename(env._ ?? "") === "nohup" || (!hasFile && terminals.isBackgroundJob());
  const streams = STANDARD_STREAMS.filter((fd) => terminals.isTerminal(fd));
  let controlled = terminals.hasControlling();
  const listener = (): void => {
    if (isNone) return ignored();
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
