/**
 * The system as facts are read from it: files, folders and the output of programs.
 *
 * Owns limits in bytes and time. Invariant: nothing throws, and what is not there is undefined; a program
 * runs without a shell and is ended after its time.
 */
import { execFile } from "node:child_process";
import { accessSync, constants, readdirSync, readFileSync, readlinkSync, statfsSync } from "node:fs";

export interface SystemSource {
  /** Text of a file. */
  read(path: string): string | undefined;
  /** Names in a folder. */
  list(path: string): readonly string[];
  /** Where a link leads. */
  link(path: string): string | undefined;
  isWritable(path: string): boolean;
  /** Of the file system that a path is on. */
  freeBytes(path: string): number | undefined;
  /** Standard output of a program that ended with 0. */
  run(program: string, args: readonly string[]): Promise<string | undefined>;
}

const PROGRAM_MS = 5000;
const PROGRAM_BYTES = 256 * 1024;

export const SYSTEM_SOURCE: SystemSource = Object.freeze({
  read: (path: string) => attempt(() => readFileSync(path, "utf8")),
  list: (path: string) => attempt(() => readdirSync(path)) ?? [],
  link: (path: string) => attempt(() => readlinkSync(path)),
  isWritable: (path: string) =>
    attempt(() => {
      accessSync(path, constants.W_OK | constants.X_OK);
      return true;
    }) ?? false,
  freeBytes: (path: string) =>
    attempt(() => {
      const { bavail, bsize } = statfsSync(path);
      return bavail * bsize;
    }),
  run: (program: string, args: readonly string[]) =>
    new Promise<string | undefined>((resolve) => {
      const options = { timeout: PROGRAM_MS, maxBuffer: PROGRAM_BYTES, encoding: "utf8" } as const;
      execFile(program, args, options, (error, output) => resolve(error === null ? output : undefined));
    }),
});

function attempt<Value>(act: () => Value): Value | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
