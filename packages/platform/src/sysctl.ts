/**
 * Kernel settings for a number of connections: deploy/sysctl/60-holdfast.conf for any number.
 *
 * Invariant: no setting is below the kernel's usual default, each has its rule and its source. A test
 * compares the lines for a million with the file.
 */
import { LINUX } from "./limits/linux.js";
import { positive, powerOfTwo, roundUpTo, roundUpToTwoDigits } from "./rounding.js";

export interface SysctlSetting {
  readonly key: string;
  readonly value: string;
  /** The key may be missing, where a module is not loaded. */
  readonly optional: boolean;
  /** What it does and by what rule the value is made. One sentence or two. */
  readonly reason: string;
  readonly source: string;
}

export interface SysctlOptions {
  readonly cpus?: number;
  /** Connections of the busiest second; where nothing is said, all of them within 15 s. */
  readonly peakPerSecond?: number;
  /**
   * Connections that the gateway closes a second; where nothing is said, all of them within 2 minutes.
   */
  readonly closesPerSecond?: number;
}

const MOST_PACKETS = 65_536;
const RETURN_SECONDS = 15;
const LEAVE_SECONDS = 120;

/** Settings for so many connections on one machine. */
export function sysctlFor(connections: number, options: SysctlOptions = {}): SysctlSetting[] {
  const n = positive(connections, "connections");
  const { cpus = 16, peakPerSecond = n / RETURN_SECONDS, closesPerSecond = n / LEAVE_SECONDS } = options;
  return [
    ...descriptors(n),
    ...accepting(peakPerSecond, cpus),
    ...buffers(n),
    ...ends(closesPerSecond),
    ...tracking(n),
    set("vm.max_map_count", 262_144, "Mappings of one process; for heaps of several GiB.", "vm"),
    set(
      "vm.swappiness",
      1,
      "A collection touches the whole heap: one that is swapped out stops its worker.",
      "vm",
    ),
  ];
}

function descriptors(n: number): SysctlSetting[] {
  const files = n * LINUX.fileMaxFactor.value + LINUX.fileMaxExtra.value;
  const perProcess = LINUX.openFilesPerProcess.value;
  return [
    set(
      "fs.file-max",
      Math.max(roundUpToTwoDigits(files), perProcess),
      "Open files of the whole system: 1.2 N + 64k.",
      "fs",
    ),
    set(
      "fs.nr_open",
      perProcess,
      "Most open files that one process may be given: at least the largest LimitNOFILE=.",
      "fs",
    ),
    set(
      "fs.epoll.max_user_watches",
      Math.max(roundUpToTwoDigits(n * LINUX.watchesPerConnection.value), 262_144),
      "Descriptors that one user may watch: 1.2 N. All workers are one user.",
      "epoll(7)",
    ),
  ];
}

function accepting(peakPerSecond: number, cpus: number): SysctlSetting[] {
  const queue = Math.min(powerOfTwo(Math.max(peakPerSecond, 4096)), LINUX.mostBacklog.value);
  return [
    set("net.core.somaxconn", queue, "Longest accept queue: the connections of the busiest second.", "net"),
    set(
      "net.ipv4.tcp_max_syn_backlog",
      queue,
      "Half-open connections of a listener: the same as somaxconn.",
      "ip",
    ),
    set(
      "net.core.netdev_max_backlog",
      Math.min(Math.max(cpus * LINUX.packetsPerCpu.value, 1024), MOST_PACKETS),
      "Packets that may wait for one CPU: 1024 for each CPU, at most 65536.",
      "net",
    ),
  ];
}

function buffers(n: number): SysctlSetting[] {
  const most = Math.max(Math.ceil(n * LINUX.tcpMemPagesPerConnection.value), 250_000);
  const pressure = Math.ceil(most * 0.8);
  return [
    {
      key: "net.ipv4.tcp_mem",
      value: `${Math.ceil(pressure * 0.8)} ${pressure} ${most}`,
      optional: false,
      reason: "Pages of all TCP buffers: third = 1.25 N, second = 0.8 of that, first = 0.8 of the second.",
      source: "ip",
    },
    set(
      "net.ipv4.tcp_rmem",
      "4096 16384 262144",
      "Receive buffer of one socket: bounds active ones only.",
      "ip",
    ),
    set(
      "net.ipv4.tcp_wmem",
      "4096 16384 262144",
      "Send buffer. What a slow client does not take waits in the gateway, which counts it.",
      "ip",
    ),
    set(
      "net.ipv4.tcp_notsent_lowat",
      131_072,
      "Unsent bytes above which a socket is not writable: back-pressure reaches the gateway early.",
      "ip",
    ),
  ];
}

function ends(closesPerSecond: number): SysctlSetting[] {
  return [
    set(
      "net.ipv4.tcp_max_tw_buckets",
      Math.max(powerOfTwo(closesPerSecond * LINUX.timeWaitSeconds.value), 65_536),
      "Sockets in TIME_WAIT: 60 × the connections that are closed in a second.",
      "ip",
    ),
    set("net.ipv4.tcp_max_orphans", 262_144, "Sockets that no process holds any more; never lower it.", "ip"),
    set("net.ipv4.tcp_fin_timeout", 20, "Seconds that an orphan may stay in FIN_WAIT_2.", "ip"),
    set(
      "net.ipv4.tcp_retries2",
      8,
      "Retransmissions before a silent peer's connection ends: the 100 s of RFC 1122.",
      "ip",
    ),
  ];
}

function tracking(n: number): SysctlSetting[] {
  const entries = Math.max(roundUpTo(n * LINUX.conntrackFactor.value, 65_536), 262_144);
  return [
    optional(
      "net.netfilter.nf_conntrack_max",
      entries,
      "Tracked connections, where the module is loaded: 1.3 N.",
    ),
    optional(
      "net.netfilter.nf_conntrack_tcp_timeout_established",
      LINUX.conntrackEstablishedSeconds.value,
      "Seconds that a silent connection is remembered: far above the ping interval.",
    ),
  ];
}

function set(key: string, value: number | string, reason: string, source: string): SysctlSetting {
  return { key, value: String(value), optional: false, reason, source };
}

function optional(key: string, value: number, reason: string): SysctlSetting {
  return { ...set(key, value, reason, "ct"), optional: true };
}

/** The settings as a file of /etc/sysctl.d, each with its reason. */
export function sysctlText(settings: readonly SysctlSetting[], title: string): string {
  const lines = settings.flatMap(({ key, value, optional, reason }) => [
    `# ${reason}`,
    `${optional ? "-" : ""}${key} = ${value}`,
    "",
  ]);
  return [`# ${title}`, "", ...lines].join("\n");
}
