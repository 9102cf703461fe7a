/**
 * Where the figures come from: machine, kernel settings, versions, the commit.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { packageVersion } from "../packages.js";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly openFiles: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, string>>;
  readonly commit: string;
  /** Load average of the last minute when the run began. */
  readonly load: number;
}

const SETTINGS = ["net/core/somaxconn", "net/ipv4/tcp_max_syn_backlog", "net/ipv4/ip_local_port_range"];
const PACKAGES = ["ws", "@socket.io/sticky", "socket.io", "ioredis"];

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    openFiles: Number(/^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1]),
    settings: Object.fromEntries(
      SETTINGS.map((name) => [name.replaceAll("/", "."), readSetting(name)]).filter(
        ([, value]) => value !== "",
      ),
    ),
    versions: {
      node: process.version,
      ...Object.fromEntries(PACKAGES.map((name) => [name, packageVersion(name)])),
    },
    commit: commit(),
    load: load(),
  };
}

/** Load average of the last minute. */
export function load(): number {
  return Math.round((loadavg()[0] ?? 0) * 100) / 100;
}

function readSetting(name: string): string {
  try {
    return readFileSync(`/proc/sys/${name}`, "utf8").trim().replaceAll("\t", " ");
  } catch {
    return "";
  }
}

/**
 * The commit that is checked out, with a plus when packages have other changes; empty outside a repository.
 */
function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    return git("rev-parse", "--short", "HEAD") + (git("status", "--porcelain", "packages") === "" ? "" : "+");
  } catch {
    return "";
  }
}
