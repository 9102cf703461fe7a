/**
 * The CPU time that a control group gives this process: `docker run --cpus`, a limit in Kubernetes,
 * `CPUQuota=` in systemd.
 *
 * Node.js 20 counts the CPUs that it may run on and knows nothing of quotas. Both versions of control groups
 * are read, at every level up to what is mounted, because the least one holds. Invariant: what cannot be read
 * limits nothing.
 */
import { readFileSync } from "node:fs";
import { posix } from "node:path";

/** Reads a file, or undefined when it cannot be read. */
export type ReadFile = (path: string) => string | undefined;

/** CPUs of the least quota, such as 1.5; Infinity without one. */
export function cpuQuota(read: ReadFile = readText): number {
  const groups = (read("/proc/self/cgroup") ?? "").split("\n").map(parseGroup);
  const mounts = (read("/proc/self/mountinfo") ?? "").split("\n").flatMap(parseMount);
  let least = Number.POSITIVE_INFINITY;
  for (const { version, root, point } of mounts) {
    const group = groups.find((each) => (version === 2 ? each.id === "0" : each.controllers.includes("cpu")));
    if (group === undefined) continue;
    for (const folder of foldersOf(group.path, root, point)) {
      least = Math.min(least, version === 2 ? quotaOf2(folder, read) : quotaOf1(folder, read));
    }
  }
  return least;
}

interface Group {
  readonly id: string;
  readonly controllers: readonly string[];
  readonly path: string;
}

interface Mount {
  readonly version: 1 | 2;
  /** The group that is seen at the mount point. */
  readonly root: string;
  readonly point: string;
}

/** `4:cpu,cpuacct:/kubepods/pod1` or `0::/system.slice/holdfast.service`. */
function parseGroup(line: string): Group {
  const [id = "", controllers = "", ...path] = line.split(":");
  return { id, controllers: controllers.split(","), path: path.join(":") };
}

/** proc(5): `36 35 0:33 /root /sys/fs/cgroup/cpu rw,… shared:9 - cgroup cgroup rw,cpu,cpuacct`. */
function parseMount(line: string): Mount[] {
  const [place = "", system = ""] = line.split(" - ");
  const [, , , root = "/", point = ""] = place.split(" ").map(unescaped);
  const [type, , options = ""] = system.split(" ");
  if (type === "cgroup2") return [{ version: 2, root, point }];
  return type === "cgroup" && options.split(",").includes("cpu") ? [{ version: 1, root, point }] : [];
}

/** proc(5): spaces, line breaks and backslashes are written as octal numbers, such as \\040. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
}

/** From the process's group up to the one at the mount point. */
function foldersOf(path: string, root: string, point: string): string[] {
  const inside = path === root || path.startsWith(root === "/" ? "/" : `${root}/`);
  // In a container the path may be one of the host, where nothing is mounted here: its own group is at the
  // mount point.
  const below = inside ? posix.relative(root, path) : "";
  const folders = [point];
  let folder = point;
  for (const part of below.split("/").filter((each) => each !== "")) {
    folder = `${folder}/${part}`;
    folders.push(folder);
  }
  return folders;
}

function quotaOf1(folder: string, read: ReadFile): number {
  return ratio(read(`${folder}/cpu.cfs_quota_us`), read(`${folder}/cpu.cfs_period_us`));
}

function quotaOf2(folder: string, read: ReadFile): number {
  const [quota, period] = (read(`${folder}/cpu.max`) ?? "").trim().split(" ");
  return ratio(quota, period);
}

/** `max` and -1 mean that there is none. */
function ratio(quota: string | undefined, period: string | undefined): number {
  const cpus = Number(quota) / Number(period);
  return cpus > 0 && Number.isFinite(cpus) ? cpus : Number.POSITIVE_INFINITY;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
