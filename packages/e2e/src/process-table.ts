/**
 * Which processes belong to a test: all that carry its mark in their environment, however deep they were
 * started and whichever process adopted them since. Zombies do not count, they are only waiting to be read.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** The variable that carries the mark. Not HOLDFAST_…: those are settings. */
export const MARK = "E2E_MARK";

/** Process ids, in ascending order. */
export function processesMarked(mark: string): readonly number[] {
  return existsSync("/proc/self/environ") ? fromProc(`${MARK}=${mark}`) : fromPs(`${MARK}=${mark}`);
}

function fromProc(entry: string): number[] {
  const pids: number[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (!readFileSync(`/proc/${name}/environ`, "latin1").split("\0").includes(entry)) continue;
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      if (!/\) [ZX]/.test(stat)) pids.push(Number(name));
    } catch {
      // It ended meanwhile, or belongs to another user.
    }
  }
  return pids.sort((a, b) => a - b);
}

/** Systems without /proc: `ps -E` shows the environment of one's own processes. */
function fromPs(entry: string): number[] {
  const table = execFileSync("ps", ["-A", "-E", "-ww", "-o", "pid=,stat=,command="], {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  return table
    .split("\n")
    .filter((line) => line.includes(entry) && !/^\s*\d+\s+Z/.test(line))
    .map((line) => Number.parseInt(line, 10));
}
