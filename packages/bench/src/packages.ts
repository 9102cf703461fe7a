/**
 * Where things are: the repository, this package's own files, installed packages, and the cache for what is
 * built or fetched (never in the repository).
 */
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);

/** packages/bench, seen from dist as from src. */
export const BENCH = resolve(dirname(fileURLToPath(import.meta.url)), "..");
export const REPOSITORY = resolve(BENCH, "../..");
export const HOLDFAST = join(REPOSITORY, "packages/cli/bin/holdfast.js");

/** A compiled server program of this package. */
export function serverScript(name: string): string {
  return join(BENCH, "dist/servers", `${name}.js`);
}

/** A directory below the user's cache, made if need be. */
export function cacheDirectory(name: string): string {
  const base = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  const directory = join(base, "holdfast-bench", name);
  mkdirSync(directory, { recursive: true });
  return directory;
}

/** The version of an installed package, or "missing". */
export function packageVersion(name: string): string {
  for (const directory of require.resolve.paths(name) ?? []) {
    try {
      const text = readFileSync(join(directory, name, "package.json"), "utf8");
      return (JSON.parse(text) as { version: string }).version;
    } catch {
      // Not in this directory.
    }
  }
  return "missing";
}
