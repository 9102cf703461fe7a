/**
 * How many files and sockets a process has open.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";

export function openDescriptors(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  if (existsSync("/proc/self/fd")) return readdirSync(folder).length;
  // Systems without /proc: one line a descriptor, after a line for the process.
  const lines = execFileSync("lsof", ["-n", "-P", "-p", String(pid), "-F", "f"], { encoding: "utf8" }).split(
    "\n",
  );
  return lines.filter((line) => /^f\d/.test(line)).length;
}
