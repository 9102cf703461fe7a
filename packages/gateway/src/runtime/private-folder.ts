/**
 * Whether a folder is private to this user. Invariant: a link to a folder, or one that another user may
 * write, is not.
 */
import type { Stats } from "node:fs";

const OTHERS_MAY_WRITE = 0o022;

/** `stats`: of the path itself (lstat). */
export function isPrivateFolder(stats: Stats): boolean {
  return (
    stats.isDirectory() &&
    stats.uid === (process.getuid?.() ?? stats.uid) &&
    (stats.mode & OTHERS_MAY_WRITE) === 0
  );
}
