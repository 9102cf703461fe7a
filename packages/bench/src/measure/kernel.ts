/**
 * What connections cost in the kernel: objects of /proc/slabinfo (readable by root) and socket buffers.
 *
 * Both ends of a loopback connection are on this machine, so a figure per connection holds two sockets.
 */
import { readFileSync } from "node:fs";

/** Caches that grow with open sockets. */
const CACHES = ["TCP", "TCPv6", "sock_inode_cache", "filp", "dentry", "eventpoll_epi", "eventpoll_pwq"];
const PAGE = 4096;

/** Bytes, or undefined when slabinfo may not be read. */
export function kernelSocketBytes(): number | undefined {
  const slabs = read("/proc/slabinfo");
  if (slabs === undefined) return undefined;
  return slabBytes(slabs) + bufferBytes(read("/proc/net/sockstat") ?? "");
}

/** Active objects of the caches above, with the share of their slabs that is lost to rounding. */
export function slabBytes(slabinfo: string): number {
  let bytes = 0;
  for (const line of slabinfo.split("\n")) {
    const [name, active, , , perSlab, pagesPerSlab] = line.split(/\s+/);
    if (name === undefined || !CACHES.includes(name)) continue;
    bytes += (Number(active) * Number(pagesPerSlab) * PAGE) / Number(perSlab);
  }
  return bytes;
}

/** The pages that sockstat's TCP line calls `mem`. */
export function bufferBytes(sockstat: string): number {
  const match = /^TCP:.* mem (\d+)/m.exec(sockstat);
  return Number(match?.[1] ?? 0) * PAGE;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
