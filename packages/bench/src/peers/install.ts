/**
 * `--install-peers`: fetches the peers that are no part of the repository into the cache, and nothing but an
 * empty directory into the system.
 *
 * Bun comes from npm. nginx and Nchan are Debian packages, downloaded with apt-get and unpacked, so that no
 * service is started. Each failure is said; the bench runs without.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "../packages.js";
import { BUN_PACKAGE, bun } from "./bun.js";
import { COMPILED_IN, nchan } from "./nchan.js";

const DEBIAN_PACKAGES = ["nginx", "nginx-common", "libnginx-mod-nchan"];

export function installPeers(): void {
  attempt("Bun", () => {
    const directory = cacheDirectory("bun");
    run("npm", [
      "install",
      "--prefix",
      directory,
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      BUN_PACKAGE,
    ]);
    return bun.missing();
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
