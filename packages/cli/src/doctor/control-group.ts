/**
 * The control group of this process: memory, throttling and number of processes, in both versions.
 *
 * Owns where the files lie. Invariant: the nearest group that has the file is read; what is not limited is
 * Infinity.
 */
import { type Fact, known, unknown } from "@holdfast/doctor";
import type { SystemSource } from "./system-source.js";

const NONE = "no control group can be read here";
/** Version 1 writes a number near 2^63 for none. */
const NO_LIMIT = 2 ** 60;

export interface GroupFacts {
  readonly memory: Fact<{ readonly limitBytes: number; readonly usedBytes: number }>;
  readonly throttled: Fact<number>;
  readonly pidsMax: Fact<number>;
}

export function readGroup(source: SystemSource): GroupFacts {
  const read = (controller: string, file: string): string | undefined => {
    for (const folder of foldersOf(source, controller)) {
      const text = source.read(`${folder}/${file}`);
      if (text !== undefined) return text;
    }
    return undefined;
  };
  const limit = read("memory", "memory.max") ?? read("memory", "memory.limit_in_bytes");
  const used = read("memory", "memory.current") ?? read("memory", "memory.usage_in_bytes");
  const pids = read("pids", "pids.max");
  return {
    memory:
      limit === undefined || used === undefined
        ? unknown(NONE)
        : known({ limitBytes: limitOf(limit), usedBytes: Number(used) }),
    throttled: throttledOf(read("cpu", "cpu.stat")),
    pidsMax: pids === undefined ? unknown(NONE) : known(limitOf(pids)),
  };
}

/** From the own group up, then what is mounted: in a container the own group is there. */
function foldersOf(source: SystemSource, controller: string): string[] {
  const lines = (source.read("/proc/self/cgroup") ?? "").split("\n").map((line) => line.split(":"));
  const pathOf = (fits: (id: string, names: readonly string[]) => boolean): string =>
    lines
      .find(([id = "", names = ""]) => fits(id, names.split(",")))
      ?.slice(2)
      .join(":") ?? "/";
  const unified = pathOf((id, names) => id === "0" && names[0] === "");
  const named = pathOf((_, names) => names.includes(controller));
  return [...upwards("/sys/fs/cgroup", unified), ...upwards(`/sys/fs/cgroup/${controller}`, named)];
}

function upwards(mount: string, path: string): string[] {
  const parts = path.split("/").filter((each) => each !== "");
  return Array.from({ length: parts.length + 1 }, (_, n) =>
    [mount, ...parts.slice(0, parts.length - n)].join("/"),
  );
}

function limitOf(text: string): number {
  const value = Number(text.trim());
  return Number.isFinite(value) && value < NO_LIMIT ? value : Number.POSITIVE_INFINITY;
}

function throttledOf(text: string | undefined): Fact<number> {
  const count = (name: string): number | undefined => {
    const found = new RegExp(`^${name} (\\d+)$`, "m").exec(text ?? "")?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const [periods, throttled] = [count("nr_periods"), count("nr_throttled")];
  if (periods === undefined || throttled === undefined)
    return unknown("the control group counts no periods: it has no quota");
  return known(periods === 0 ? 0 : throttled / periods);
}
