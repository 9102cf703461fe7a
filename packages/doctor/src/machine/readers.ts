/**
 * How the checks of a machine read its facts: kernel settings as numbers, and what is wanted of it.
 */
import { sysctlFor } from "@holdfast/platform";
import { type Fact, mapped } from "../facts/fact.js";
import type { Facts } from "../facts/facts.js";
import type { SysctlKey } from "../facts/machine.js";

export const wanted = (facts: Facts): Facts["wanted"] => facts.wanted;

/** A kernel setting that is one number. */
export function sysctl(key: SysctlKey): (facts: Facts) => Fact<number> {
  return ({ machine }) => mapped(machine.sysctl[key], Number);
}

/** A kernel setting that is several numbers. */
export function sysctlNumbers(key: SysctlKey): (facts: Facts) => Fact<readonly number[]> {
  return ({ machine }) => mapped(machine.sysctl[key], (text) => text.trim().split(/\s+/).map(Number));
}

/** What platform's rule makes of a kernel setting for so many connections. */
export function ruleOf(key: SysctlKey, connections: number, workers: number): number {
  const found = sysctlFor(connections, { cpus: workers }).find((each) => each.key === key);
  if (found === undefined) throw new RangeError(`no rule for ${key}`);
  return Number(found.value.split(" ").at(-1));
}

/** Connections of the busiest second: all of them come back within 15 s. */
export function busiestSecond(connections: number): number {
  return Math.ceil(connections / 15);
}

/** `net.core.somaxconn = 65535`, as a remedy that says the least value. */
export function set(key: SysctlKey, value: number | string): string {
  return `Set \`${key} = ${value}\` in \`/etc/sysctl.d/60-holdfast.conf\`; \`holdfast tune\` prints the file.`;
}
