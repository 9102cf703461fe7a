/**
 * Which process of this machine listens on a port, from /proc. Linux, and only for processes that we may look
 * into.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const LISTEN = "0A";

/** The lowest process id, or undefined where none is found. */
export function listenerOf(port: number): number | undefined {
  const inodes = new Set(["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) => listeners(read(path), port)));
  if (inodes.size === 0) return undefined;
  const pids = list("/proc").filter((name) => /^\d+$/.test(name));
  return pids
    .map(Number)
    .sort((a, b) => a - b)
    .find((pid) => holdsOne(pid, inodes));
}

/** The sockets that listen on `port`, as inodes, in the text of /proc/net/tcp. */
export function listeners(text: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return text.split("\n").flatMap((line) => {
    const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
    return state === LISTEN && local.endsWith(suffix) && inode !== undefined ? [inode] : [];
  });
}

function holdsOne(pid: number, inodes: ReadonlySet<string>): boolean {
  return list(`/proc/${pid}/fd`).some((fd) => {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      return inode !== undefined && inodes.has(inode);
    } catch {
      return false;
    }
  });
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
