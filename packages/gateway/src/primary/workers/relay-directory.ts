/**
 * The folder in which the workers of an instance have their Unix sockets: where it is, and that it is there.
 *
 * A system may sweep its temporary folder while the instance runs, and may have a long or read-only one. A
 * Unix socket's path has about 100 bytes, so a short place is taken where the usual one is too long.
 * Invariants: it is private to this user; a worker is only started when it exists; where none can be made the
 * sentence names what was tried.
 */
import { lstatSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isPrivateFolder } from "../../runtime/private-folder.js";

/**
 * Bytes of a Unix socket's path that every system takes (macOS: 103), and those of the longest name in the
 * folder.
 */
const MAX_PATH_BYTES = 103;
const NAME_BYTES = 16;

export class RelayDirectory {
  readonly #places: readonly string[];
  #path: string | undefined;

  /** `places`: folders to make it in, the preferred one first. */
  constructor(places: readonly string[]) {
    this.#places = [...new Set(places)];
  }

  /** The path of the folder, which exists when this returns. Throws a sentence. */
  ensure(): string {
    if (this.#path !== undefined && this.#remade(this.#path)) return this.#path;
    const problems: string[] = [];
    for (const place of this.#places) {
      if (Buffer.byteLength(place) + "/holdfast-XXXXXX/".length + NAME_BYTES > MAX_PATH_BYTES) {
        problems.push(`${place} is too long for the path of a Unix socket`);
        continue;
      }
      try {
        // A whole folder may have been swept.
        mkdirSync(place, { recursive: true });
        this.#path = mkdtempSync(join(place, "holdfast-"));
        return this.#path;
      } catch (error) {
        problems.push(`${place}: ${codeOf(error)}`);
      }
    }
    throw new Error(
      `no temporary folder for the workers' sockets can be made (${problems.join("; ")}): ` +
        "let TMPDIR name one that is short and writable",
    );
  }

  /** Idempotent. */
  remove(): void {
    if (this.#path === undefined) return;
    try {
      rmSync(this.#path, { recursive: true, force: true });
    } catch {
      // Swept, or no longer ours: nothing of it is of use any more.
    }
    this.#path = undefined;
  }

  /** At the same place, so that workers that are alive find those that come. */
  #remade(path: string): boolean {
    try {
      if (lstatSync(path, { throwIfNoEntry: false }) === undefined)
        mkdirSync(path, { recursive: true, mode: 0o700 });
      return isPrivateFolder(lstatSync(path));
    } catch {
      return false;
    }
  }
}

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : String(error);
}
