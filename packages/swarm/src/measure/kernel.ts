/**
 * What the kernel keeps for all that runs: slabs (sockets, files, epoll) and the pages of socket buffers.
 *
 * It is the whole machine's; for the cost of connections, subtract what there was before. Both ends
 * of a loopback connection are in it.
 */
import { readFileSync } from "node:fs";
import { kilobytes } from "./processes.js";

const PAGE = 4096;

/** Bytes; 0 where there is no /proc. */
export function kernelBytes(): number {
  return kilobytes(read("/proc/meminfo"), "Slab") + bufferBytes(read("/proc/net/sockstat"));
}

/** Memory that new work could still have, bytes; 0 where there is no /proc. */
export function availableBytes(): number {
  return kilobytes(read("/proc/meminfo"), "MemAvailable");
}

/** The pages that sockstat's TCP line calls `mem`. */
export function bufferBytes(sockstat: string): number {
  return Number(/^TCP:.* mem (\d+)/m.exec(sockstat)?.[1] ?? 0) * PAGE;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
