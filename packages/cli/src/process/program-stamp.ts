/**
 * Whether the program on disk is another than it was: a reload is then for that.
 *
 * An installation writes every file anew, so one of them tells.
 */
import { statSync } from "node:fs";

/** Another text whenever the file was written or replaced. */
export function programStamp(path: string): string {
  try {
    const { ino, ctimeMs } = statSync(path);
    return `${ino}:${ctimeMs}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
