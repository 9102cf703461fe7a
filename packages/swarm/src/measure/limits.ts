/**
 * What this machine allows a process that connects: open files and ephemeral ports.
 */
import { readFileSync } from "node:fs";
import type { MachineLimits } from "../plan.js";

/** Linux's own, for where it cannot be read. */
const DEFAULT_PORTS = [32_768, 60_999] as const;
const DEFAULT_OPEN_FILES = 1_024;

export function readMachine(): MachineLimits {
  return {
    openFiles: parseOpenFiles(read("/proc/self/limits")),
    portRange: parsePortRange(read("/proc/sys/net/ipv4/ip_local_port_range")),
  };
}

/** The hard limit: Node raises its soft one to it. */
export function parseOpenFiles(limits: string): number {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1];
  return hard === "unlimited" ? Number.MAX_SAFE_INTEGER : Number(hard ?? DEFAULT_OPEN_FILES);
}

export function parsePortRange(text: string): readonly [number, number] {
  const [, first, last] = /^(\d+)\s+(\d+)/.exec(text) ?? [];
  return first === undefined || last === undefined ? DEFAULT_PORTS : [Number(first), Number(last)];
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
