/**
 * Counters of the machine below the gateway: connection tracking of the kernel, and the allowances of the
 * instance's network interface (ENA).
 *
 * Invariant: what a machine does not have is left out, never reported as 0.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

/** Only what the machine has. Counters count up since the start of the interface. */
export interface MachineCounters {
  /** Percent of the kernel's table that is used. */
  readonly conntrackUsedPercent?: number;
  readonly conntrackAllowanceAvailable?: number;
  readonly conntrackAllowanceExceeded?: number;
  readonly ppsAllowanceExceeded?: number;
  readonly bandwidthInAllowanceExceeded?: number;
  readonly bandwidthOutAllowanceExceeded?: number;
}

const run = promisify(execFile);
const NETFILTER = "/proc/sys/net/netfilter/nf_conntrack";
const ETHTOOL_MS = 5_000;
const ETHTOOL_MOST_BYTES = 1024 * 1024;

/** `interfaceName`: of the network interface, such as `ens5`. */
export async function readMachine(interfaceName: string | undefined): Promise<MachineCounters> {
  const [count, max, statistics] = await Promise.all([
    numberIn(`${NETFILTER}_count`),
    numberIn(`${NETFILTER}_max`),
    interfaceName === undefined ? "" : ethtool(interfaceName),
  ]);
  return {
    ...(count !== undefined && max !== undefined && max > 0
      ? { conntrackUsedPercent: (100 * count) / max }
      : {}),
    ...allowancesOf(statistics),
  };
}

/** The allowances in what `ethtool -S` prints. Names: github.com/amzn/amzn-drivers, ENA README. */
export function allowancesOf(statistics: string): MachineCounters {
  const found = new Map(
    [...statistics.matchAll(/^\s*(\w+): (\d+)\s*$/gm)].map(([, name = "", value]) => [name, Number(value)]),
  );
  const counter = <Key extends keyof MachineCounters>(key: Key, name: string): { [K in Key]?: number } => {
    const value = found.get(name);
    return value === undefined ? {} : ({ [key]: value } as { [K in Key]: number });
  };
  return {
    ...counter("conntrackAllowanceAvailable", "conntrack_allowance_available"),
    ...counter("conntrackAllowanceExceeded", "conntrack_allowance_exceeded"),
    ...counter("ppsAllowanceExceeded", "pps_allowance_exceeded"),
    ...counter("bandwidthInAllowanceExceeded", "bw_in_allowance_exceeded"),
    ...counter("bandwidthOutAllowanceExceeded", "bw_out_allowance_exceeded"),
  };
}

/** The interface of the default route in /proc/net/route, whose lines are `name destination gateway …`. */
export function defaultInterface(routes: string): string | undefined {
  for (const line of routes.split("\n").slice(1)) {
    const [name, destination] = line.trim().split(/\s+/);
    if (destination === "00000000") return name;
  }
  return undefined;
}

async function ethtool(interfaceName: string): Promise<string> {
  try {
    const options = { timeout: ETHTOOL_MS, maxBuffer: ETHTOOL_MOST_BYTES };
    return (await run("ethtool", ["-S", interfaceName], options)).stdout;
  } catch {
    return "";
  }
}

async function numberIn(path: string): Promise<number | undefined> {
  try {
    const value = Number(await readFile(path, "utf8"));
    return Number.isFinite(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
