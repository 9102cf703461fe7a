/**
 * What the machine has, as far as defaults depend on it.
 *
 * Read once at start and passed on, so that everything computed from it can be tested with other numbers.
 */
import { readFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { cpuQuota } from "./cpu-quota.js";

export interface Machine {
  /** CPUs that this process may use: its affinity, and the quota of its control group. */
  readonly cpus: number;
  /** Open files that one process may have; Infinity when nothing limits them. */
  readonly openFiles: number;
  /** Bytes of memory that this process and its workers may use together: RAM, or the container's limit. */
  readonly memoryBytes: number;
  /** As `process.platform`. */
  readonly platform: string;
  /** As `process.versions.node`, such as 22.12.0. */
  readonly nodeVersion: string;
}

export function readMachine(): Machine {
  return {
    cpus: usableCpus(availableParallelism(), cpuQuota()),
    openFiles: openFilesLimit(),
    memoryBytes: usableMemory(totalmem(), process.constrainedMemory()),
    platform: process.platform,
    nodeVersion: process.versions.node,
  };
}

/**
 * Whole CPUs, at least one: more workers than a quota carries would stand still together when it is used up.
 */
export function usableCpus(allowed: number, quota: number): number {
  return Math.max(1, Math.floor(Math.min(allowed, quota)));
}

/**
 * `constrained` is 0 or undefined where nothing limits, or a number beyond RAM under some cgroup versions.
 */
export function usableMemory(total: number, constrained: number | undefined): number {
  return constrained !== undefined && constrained > 0 ? Math.min(total, constrained) : total;
}

/** Node raises its soft limit to the hard one when it starts, and the workers inherit that. */
function openFilesLimit(): number {
  try {
    return parseProcLimits(readFileSync("/proc/self/limits", "utf8"));
  } catch {
    // No /proc (macOS): the diagnostic report knows, at the price of some milliseconds.
    const report = process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } };
    const soft = report.userLimits?.open_files?.soft;
    return typeof soft === "number" ? soft : Number.POSITIVE_INFINITY;
  }
}

/** The soft limit of open files in the text of /proc/<pid>/limits. */
export function parseProcLimits(text: string): number {
  const soft = /^Max open files\s+(\S+)/m.exec(text)?.[1];
  return soft === undefined || soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
}
