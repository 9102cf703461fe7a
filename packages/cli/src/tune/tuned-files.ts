/**
 * Files of settings on disk: read, compared, backed up, written.
 *
 * Owns the folder below which they lie. Invariant: nothing is written before all of them may be; a file is
 * whole at every moment; what was there is in a backup beside it, whose name no daemon reads.
 */
import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { Failure, systemCode } from "../failure.js";

/** A file as it is and as it is to be. */
export interface TunedFile {
  /** Below the root. */
  readonly path: string;
  /** Undefined where there is none. */
  readonly before: string | undefined;
  readonly after: string;
}

const MAX_BYTES = 1024 * 1024;
/** Backups of one file that are kept side by side. */
const MAX_BACKUPS = 1000;

/** What is at `path` below `root`. Throws `Failure` where it cannot be read. */
export function readTuned(root: string, path: string, after: string): TunedFile {
  const place = join(root, path);
  try {
    if (!existsSync(place)) return { path: place, before: undefined, after };
    const { size } = statSync(place);
    if (size > MAX_BYTES) throw new Failure(`${place} has more than 1 MiB: that is no file of settings`);
    return { path: place, before: readFileSync(place, "utf8"), after };
  } catch (error) {
    throw failureOf("read", place, error);
  }
}

/** Whether something changes. */
export function isChanged({ before, after }: TunedFile): boolean {
  return before !== after;
}

/** Writes those that change. Returns the backups, in the same order; undefined where there was no file. */
export function writeTuned(files: readonly TunedFile[]): (string | undefined)[] {
  for (const { path } of files) checkWritable(path);
  return files.map(({ path, before, after }) => {
    try {
      makeFolder(dirname(path));
      const backup = before === undefined ? undefined : backUp(path);
      const fresh = `${path}.new`;
      writeFileSync(fresh, after, { mode: 0o644 });
      try {
        renameSync(fresh, path);
      } catch (error) {
        rmSync(fresh, { force: true });
        throw error;
      }
      return backup;
    } catch (error) {
      throw failureOf("written", path, error);
    }
  });
}

/** The nearest folder that is there already must take new files. */
function checkWritable(path: string): void {
  let folder = dirname(path);
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw failureOf("written", path, error);
  }
}

/** One level at a time: Node's own recursion does not end in a folder such as /proc. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  mkdirSync(folder, { mode: 0o755 });
}

/** Beside the file, under the first number that is free. */
function backUp(path: string): string {
  for (let number = 1; number <= MAX_BACKUPS; number++) {
    const backup = `${path}.bak${number}`;
    try {
      copyFileSync(path, backup, constants.COPYFILE_EXCL);
      return backup;
    } catch (error) {
      if (systemCode(error) !== "EEXIST") throw error;
    }
  }
  throw new Failure(`${path} has ${MAX_BACKUPS} backups beside it: remove some of ${path}.bak1 and so on`);
}

function failureOf(what: "read" | "written", path: string, error: unknown): Failure {
  if (error instanceof Failure) return error;
  const code = systemCode(error) ?? String(error);
  const remedy =
    code === "EACCES" || code === "EPERM" || code === "EROFS"
      ? "run it as root, such as with sudo, or name another folder with --root <folder>"
      : "look at that path, or name another folder with --root <folder>";
  return new Failure(`${path} cannot be ${what} (${code}): ${remedy}`, 1, { cause: error });
}
