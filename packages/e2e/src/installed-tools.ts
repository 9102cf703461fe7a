/**
 * Tools from the npm and Python registries that tests of a recipe run: installed once for a machine, below
 * its cache folder, at a fixed version.
 *
 * Invariant: a tool that cannot be had is an answer with the reason, not an exception.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { Program } from "./program.js";
import { optionalTool } from "./test-tool.js";

export type Installed =
  | { readonly kind: "installed"; readonly path: string }
  | { readonly kind: "missing"; readonly why: string };

/** Of a step of an installation, ms: the run of all tests has its end, too. */
const INSTALL_MS = 120_000;

/** The program of an npm package. Its install scripts do not run: some fetch a browser. */
export function npmTool(name: string, version: string): Promise<Installed> {
  return installed(`${name}-${version}`, `node_modules/.bin/${name}`, [
    (folder) => {
      const args = ["install", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund"];
      return ["npm", [...args, `${name}@${version}`]];
    },
  ]);
}

/** A Python with these packages, in an environment of its own. */
export function pythonWith(name: string, packages: readonly string[]): Promise<Installed> {
  const python = optionalTool("python3");
  if (python === undefined) return Promise.resolve({ kind: "missing", why: "there is no python3" });
  return installed(`${name}-${packages.join("-").replaceAll("=", "")}`, "bin/python", [
    (folder) => [python, ["-m", "venv", folder]],
    (folder) => [join(folder, "bin/python"), ["-m", "pip", "install", "--quiet", ...packages]],
  ]);
}

type Step = (folder: string) => readonly [file: string, args: readonly string[]];

async function installed(name: string, program: string, steps: readonly Step[]): Promise<Installed> {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  const folder = join(cache, "holdfast-test-tools", name);
  // A Python environment cannot be moved, so the folder is marked once it is whole.
  const mark = join(folder, "whole");
  const path = join(folder, program);
  if (existsSync(mark)) return { kind: "installed", path };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const step of steps) {
    const [file, args] = step(folder);
    const running = Program.start(file, args);
    const how = await running.exit(INSTALL_MS).then(
      ({ code }) => `ended with ${code}`,
      () => `did not end within ${INSTALL_MS / 1000} s`,
    );
    await running.close();
    if (how === "ended with 0") continue;
    const why = `\`${[file, ...args].join(" ")}\` ${how}: ${running.lines.slice(-3).join(" | ")}`;
    return { kind: "missing", why };
  }
  writeFileSync(mark, "");
  return { kind: "installed", path };
}
