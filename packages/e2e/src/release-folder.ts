/**
 * The next version of the program, installed beside this one: the same code under another number, which its
 * metrics and its banner say.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Release } from "./fleet-instance.js";
import { HOLDFAST, REPOSITORY } from "./program.js";

const CLI = join(REPOSITORY, "packages/cli");

export class ReleaseFolder implements Release {
  readonly version: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "holdfast-release-"));

  constructor(version: string) {
    this.version = version;
    const cli = join(this.#folder, "packages/cli");
    mkdirSync(cli, { recursive: true });
    for (const part of ["bin", "dist"]) cpSync(join(CLI, part), join(cli, part), { recursive: true });
    const manifest = JSON.parse(readFileSync(join(CLI, "package.json"), "utf8")) as object;
    writeFileSync(join(cli, "package.json"), JSON.stringify({ ...manifest, version }));
    symlinkSync(join(REPOSITORY, "node_modules"), join(this.#folder, "node_modules"));
  }

  get program(): string {
    return join(this.#folder, "packages/cli/bin/holdfast.js");
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The version of this repository. */
export function thisRelease(): Release {
  const { version } = JSON.parse(readFileSync(join(CLI, "package.json"), "utf8")) as { version: string };
  return { version, program: HOLDFAST };
}
