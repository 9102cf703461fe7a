/**
 * What processes cost, from /proc: memory that is theirs (PSS), CPU time, open sockets, children.
 *
 * A process that is gone counts as nothing; the caller compares two readings and must keep it alive in
 * between.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const NS_PER_US = 1000;
/** Linux: the unit of /proc/<pid>/stat, 100 a second on every machine. */
const US_PER_TICK = 10_000;

/** CPU time since its start, all threads and user and system, µs. */
export function cpuMicros(pid: number): number {
  let ns = 0;
  for (const thread of list(`/proc/${pid}/task`)) {
    const text = read(`/proc/${pid}/task/${thread}/schedstat`);
    ns += Number(text?.split(" ", 1)[0] ?? 0);
  }
  // A kernel without schedstat counts in ticks.
  return ns > 0 ? ns / NS_PER_US : cpuTicks(read(`/proc/${pid}/stat`) ?? "") * US_PER_TICK;
}

/**
 * User and system time in a line of /proc/<pid>/stat, whose second field may contain anything but a newline.
 */
export function cpuTicks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}

export function totalCpuMicros(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuMicros(pid), 0);
}

/** Proportional set size: what is shared counts by the share, bytes. */
export function pssBytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + kilobytes(read(`/proc/${pid}/smaps_rollup`) ?? "", "Pss"), 0);
}

/** What is its own alone, bytes. */
export function privateBytes(pid: number): number {
  const rollup = read(`/proc/${pid}/smaps_rollup`) ?? "";
  return kilobytes(rollup, "Private_Clean") + kilobytes(rollup, "Private_Dirty");
}

/** Resident set size, bytes. */
export function rssBytes(pid: number): number {
  return kilobytes(read(`/proc/${pid}/status`) ?? "", "VmRSS");
}

/** The value of `name: 123 kB`, in bytes; 0 when there is none. */
export function kilobytes(text: string, name: string): number {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text);
  return Number(match?.[1] ?? 0) * 1024;
}

export function openSockets(pid: number): number {
  let sockets = 0;
  for (const fd of list(`/proc/${pid}/fd`)) {
    try {
      if (readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith("socket:")) sockets++;
    } catch {
      // Closed meanwhile.
    }
  }
  return sockets;
}

/** Processes that `pid` started, directly. */
export function children(pid: number): number[] {
  const found: number[] = [];
  for (const name of list("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`);
    if (stat === undefined) continue;
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    if (parent === pid) found.push(Number(name));
  }
  return found.sort((a, b) => a - b);
}

/** Those of them that `node:cluster` started as workers. */
export function clusterWorkers(pid: number): number[] {
  return children(pid).filter((child) =>
    read(`/proc/${child}/environ`)
      ?.split("\0")
      .some((variable) => variable.startsWith("NODE_UNIQUE_ID=")),
  );
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
