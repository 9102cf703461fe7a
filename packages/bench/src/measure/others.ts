/**
 * How much of the machine others used meanwhile: CPU time that neither the bench nor a process that it
 * started has used, and time that the hypervisor kept. Figures from a machine that was not ours alone say so.
 */
import { readdirSync, readFileSync } from "node:fs";
import { cpus } from "node:os";

const TICKS_PER_SECOND = 100;

export class OthersWatch {
  readonly #startMs = performance.now();
  readonly #busy = busyTicks(readFileSync("/proc/stat", "utf8"));
  readonly #own = treeTicks(process.pid);

  /** Since this was made, % of the machine. */
  percent(): number {
    const busy = busyTicks(readFileSync("/proc/stat", "utf8")) - this.#busy;
    const own = treeTicks(process.pid) - this.#own;
    const available = ((performance.now() - this.#startMs) / 1000) * TICKS_PER_SECOND * cpus().length;
    return (Math.max(0, busy - own) / available) * 100;
  }
}

/** user, nice, system and steal of the first line of /proc/stat. Interrupts belong to no process. */
export function busyTicks(stat: string): number {
  const [, user, nice, system, , , , , steal] = stat.slice(0, stat.indexOf("\n")).split(/\s+/);
  return [user, nice, system, steal].reduce((sum, ticks) => sum + Number(ticks ?? 0), 0);
}

/** What a process and all below it have used, those that ended and were waited for included. */
function treeTicks(root: number): number {
  const children = new Map<number, number[]>();
  const ticks = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    const fields = Number.isInteger(pid) ? statFields(pid) : undefined;
    if (fields === undefined) continue;
    const parent = Number(fields[1]);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
    ticks.set(
      pid,
      fields.slice(11, 15).reduce((sum, each) => sum + Number(each), 0),
    );
  }
  let sum = 0;
  const open = [root];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    sum += ticks.get(pid) ?? 0;
    open.push(...(children.get(pid) ?? []));
  }
  return sum;
}

/** The fields of /proc/<pid>/stat behind the name. */
function statFields(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
