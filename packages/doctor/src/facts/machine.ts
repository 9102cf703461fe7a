/**
 * Facts of a machine: what its kernel, its service manager and its control group allow and have used.
 *
 * Owns their form and units. How they are read is the collector's. Invariant: numbers are in the unit that
 * their name says; without one they are counts.
 */
import type { Fact } from "./fact.js";

/** Kernel settings that checks read, by their names for sysctl(8). */
export const SYSCTL_KEYS = Object.freeze([
  "fs.nr_open",
  "fs.file-max",
  "fs.file-nr",
  "fs.epoll.max_user_watches",
  "net.core.somaxconn",
  "net.core.netdev_max_backlog",
  "net.ipv4.tcp_max_syn_backlog",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.tcp_mem",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_wmem",
  "net.ipv4.tcp_max_tw_buckets",
  "net.netfilter.nf_conntrack_max",
  "net.netfilter.nf_conntrack_count",
  "net.netfilter.nf_conntrack_tcp_timeout_established",
  "vm.swappiness",
  "kernel.random.entropy_avail",
] as const);

export type SysctlKey = (typeof SYSCTL_KEYS)[number];

/** What systemd says of the service. */
export interface UnitFacts {
  /** Infinity where nothing limits. */
  readonly limitNofile: number;
  readonly tasksMax: number;
  readonly timeoutStopMs: number;
  readonly oomPolicy: string;
}

/** A network interface with the counters of its driver, as ethtool(8) shows them. */
export interface InterfaceFacts {
  readonly name: string;
  readonly counters: Readonly<Record<string, number>>;
}

export interface FolderFacts {
  readonly path: string;
  readonly isWritable: boolean;
  readonly freeBytes: number;
}

export interface MachineFacts {
  /** Of the gateway's process where one runs, or of this one. Infinity where nothing limits. */
  readonly openFiles: Fact<{ readonly soft: number; readonly hard: number }>;
  readonly unit: Fact<UnitFacts>;
  readonly sysctl: Readonly<Record<SysctlKey, Fact<string>>>;
  /** Interfaces of Elastic Network Adapters. */
  readonly adapters: Fact<readonly InterfaceFacts[]>;
  readonly swapBytes: Fact<number>;
  /** `always`, `madvise` or `never`. */
  readonly hugePages: Fact<string>;
  /** Of the machine. */
  readonly memoryBytes: Fact<number>;
  /** Of the control group: its limit and what is used. Infinity without a limit. */
  readonly groupMemory: Fact<{ readonly limitBytes: number; readonly usedBytes: number }>;
  /** CPUs that the process may run on, and the quota of its control group; Infinity without one. */
  readonly cpu: Fact<{ readonly cpus: number; readonly quota: number }>;
  /** Share of the periods in which the quota was used up. */
  readonly throttled: Fact<number>;
  /** Processes and threads that the control group may have; Infinity without a limit. */
  readonly pidsMax: Fact<number>;
  /** Whether something keeps the clock right. */
  readonly isClockKept: Fact<boolean>;
  readonly temporary: Fact<FolderFacts>;
  /** Where the service writes. */
  readonly disk: Fact<FolderFacts>;
}
