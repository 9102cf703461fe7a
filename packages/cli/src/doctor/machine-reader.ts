/**
 * Facts of this machine: kernel settings, memory, folders, adapters, clock.
 *
 * Owns where each is found. Invariant: what cannot be read is unknown, with the place that was looked at.
 */
import { tmpdir } from "node:os";
import {
  type Fact,
  type FolderFacts,
  type InterfaceFacts,
  known,
  type MachineFacts,
  SYSCTL_KEYS,
  type SysctlKey,
  unknown,
} from "@holdfast/doctor";
import type { Machine } from "../machine/machine.js";
import { readGroup } from "./control-group.js";
import type { ServiceFacts } from "./service-reader.js";
import type { SystemSource } from "./system-source.js";

const MOST_INTERFACES = 16;

export async function readMachineFacts(
  source: SystemSource,
  machine: Machine,
  { unit, pid }: ServiceFacts,
  quota: number,
): Promise<MachineFacts> {
  const group = readGroup(source);
  return {
    openFiles: openFilesOf(source, pid),
    unit,
    sysctl: Object.fromEntries(SYSCTL_KEYS.map((key) => [key, sysctlOf(source, key)])) as Record<
      SysctlKey,
      Fact<string>
    >,
    adapters: await adaptersOf(source),
    swapBytes: kibOf(source, "SwapTotal"),
    hugePages: hugePagesOf(source),
    memoryBytes: known(machine.memoryBytes),
    groupMemory: group.memory,
    cpu: known({ cpus: machine.cpus, quota }),
    throttled: group.throttled,
    pidsMax: group.pidsMax,
    isClockKept: await clockOf(source),
    temporary: folderOf(source, tmpdir()),
    disk: folderOf(source, "/var/log"),
  };
}

/** Of the gateway's process, where it may be read. */
function openFilesOf(source: SystemSource, pid: number | undefined): MachineFacts["openFiles"] {
  const text =
    (pid === undefined ? undefined : source.read(`/proc/${pid}/limits`)) ?? source.read("/proc/self/limits");
  const [, soft, hard] = /^Max open files\s+(\S+)\s+(\S+)/m.exec(text ?? "") ?? [];
  if (soft === undefined || hard === undefined) return unknown("/proc/self/limits cannot be read here");
  const numberOf = (word: string): number => (word === "unlimited" ? Number.POSITIVE_INFINITY : Number(word));
  return known({ soft: numberOf(soft), hard: numberOf(hard) });
}

function sysctlOf(source: SystemSource, key: SysctlKey): Fact<string> {
  const path = `/proc/sys/${key.replaceAll(".", "/")}`;
  const text = source.read(path)?.trim();
  if (text !== undefined) return known(text);
  return unknown(
    key.includes("conntrack") ? "connection tracking is not loaded" : `${path} cannot be read here`,
  );
}

/** Interfaces of the driver `ena`, with what ethtool counts. */
async function adaptersOf(source: SystemSource): Promise<Fact<readonly InterfaceFacts[]>> {
  const names = source
    .list("/sys/class/net")
    .filter((name) => source.link(`/sys/class/net/${name}/device/driver`)?.endsWith("/ena"))
    .slice(0, MOST_INTERFACES);
  if (names.length === 0) return unknown("there is no Elastic Network Adapter: this is no EC2 instance");
  const found: InterfaceFacts[] = [];
  for (const name of names) {
    const output = await source.run("ethtool", ["-S", name]);
    if (output === undefined) return unknown("ethtool cannot be run: install it");
    const counters = [...output.matchAll(/^\s*([\w.]+):\s*(\d+)$/gm)].map(([, key = "", value]) => [
      key,
      Number(value),
    ]);
    found.push({ name, counters: Object.fromEntries(counters) });
  }
  return known(found);
}

/** A line of /proc/meminfo, in bytes. */
function kibOf(source: SystemSource, name: string): Fact<number> {
  const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(source.read("/proc/meminfo") ?? "")?.[1];
  return kib === undefined ? unknown("/proc/meminfo cannot be read here") : known(Number(kib) * 1024);
}

function hugePagesOf(source: SystemSource): Fact<string> {
  const text = source.read("/sys/kernel/mm/transparent_hugepage/enabled");
  const mode = /\[(\w+)\]/.exec(text ?? "")?.[1];
  return mode === undefined ? unknown("the kernel has no transparent huge pages") : known(mode);
}

async function clockOf(source: SystemSource): Promise<Fact<boolean>> {
  const said = (await source.run("timedatectl", ["show", "--property=NTPSynchronized", "--value"]))?.trim();
  if (said === "yes" || said === "no") return known(said === "yes");
  const marks = [
    ...source.list("/run/systemd/timesync").filter((name) => name === "synchronized"),
    ...source.list("/run/chrony").filter((name) => name.endsWith(".pid")),
  ];
  return marks.length > 0
    ? known(true)
    : unknown("neither timedatectl nor a service for the clock can be asked here");
}

function folderOf(source: SystemSource, path: string): Fact<FolderFacts> {
  const freeBytes = source.freeBytes(path);
  if (freeBytes === undefined) return unknown(`${path} cannot be read here`);
  return known({ path, isWritable: source.isWritable(path), freeBytes });
}
