/**
 * `--install-peers`: fetches the peers that are no part of the repository into the cache, and nothing but an
 * empty directory into the system.
 *
 * Bun and Node.js 22 come from npm. nginx and Nchan are Debian packages, downloaded by apt-get and unpacked,
 * so that no service is started. Each failure is said; the bench runs without.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "../packages.js";
import { BUN_PACKAGE, bun } from "./bun.js";
import { COMPILED_IN, nchan } from "./nchan.js";
import { missingNode22, NODE22_PACKAGE } from "./node22-peers.js";

const DEBIAN_PACKAGES = ["nginx", "nginx-common", "libnginx-mod-nchan"];

export function installPeers(): void {
  attempt("Bun", () => {
    fromNpm(BUN_PACKAGE, "bun");
    return bun.missing();
  });
  attempt("Node.js 22", () => {
    fromNpm(NODE22_PACKAGE, "node22");
    return missingNode22();
  });
  attempt("nginx + Nchan", () => {
    const directory = cacheDirectory("nchan");
    run("apt-get", ["download", ...DEBIAN_PACKAGES], directory);
    const root = join(directory, "root");
    mkdirSync(root, { recursive: true });
    for (const file of readdirSync(directory).filter((name) => name.endsWith(".deb"))) {
      run("dpkg", ["-x", join(directory, file), root]);
    }
    // Its modules want the directory that was compiled in, whatever the configuration says.
    mkdirSync(COMPILED_IN, { recursive: true });
    return nchan.missing();
  });
}

function fromNpm(name: string, folder: string): void {
  const flags = ["--no-audit", "--no-fund", "--ignore-scripts"];
  run("npm", ["install", "--prefix", cacheDirectory(folder), ...flags, name]);
}

function attempt(name: string, install: () => string | undefined): void {
  try {
    console.log(`${name}: ${install() ?? "ready"}`);
  } catch (error) {
    console.log(`${name}: ${(error as Error).message.split("\n")[0]}`);
  }
}

function run(program: string, args: readonly string[], cwd?: string): void {
  execFileSync(program, args, { stdio: ["ignore", "ignore", "inherit"], ...(cwd !== undefined && { cwd }) });
}
