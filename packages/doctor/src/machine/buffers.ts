/**
 * Checks of what sockets may take in the kernel, and of what it remembers of connections.
 */
import { EC2, LINUX, MACHINE_THRESHOLDS } from "@holdfast/platform";
import {
  bytes,
  type Check,
  type CheckVerdict,
  count,
  failed,
  given,
  ok,
  percent,
  skipped,
  warning,
} from "../check.js";
import { mapped } from "../facts/fact.js";
import type { SysctlKey } from "../facts/machine.js";
import { ruleOf, set, sysctl, sysctlNumbers, wanted } from "./readers.js";

const { stalledShare, bufferMemoryShare, conntrackUseShare } = MACHINE_THRESHOLDS;

export const BUFFERS: readonly Check[] = [
  {
    code: "HF-M020",
    title: "memory of all TCP buffers",
    why: "A socket with one unread message takes a page. At the third value the kernel aborts connections.",
    limits: [LINUX.tcpMemPagesPerConnection, LINUX.pageBytes],
    mend: "Raise `net.ipv4.tcp_mem`; `holdfast tune` prints the line.",
    judge: given(
      { wanted, pages: sysctlNumbers("net.ipv4.tcp_mem") },
      ({ wanted: { connections }, pages }) => {
        const most = pages[2] ?? 0;
        const needed = Math.ceil(connections * LINUX.tcpMemPagesPerConnection.value);
        const found = `net.ipv4.tcp_mem ends with ${count(most)} pages; ${count(needed)} are wanted`;
        return most < needed ? failed(found) : ok(found);
      },
    ),
  },
  full(
    "HF-M021",
    "receive buffer of a socket",
    "net.ipv4.tcp_rmem",
    "What clients send and workers have not read yet",
  ),
  full("HF-M022", "send buffer of a socket", "net.ipv4.tcp_wmem", "What slow clients have not taken"),
  {
    code: "HF-M023",
    title: "room for tracked connections",
    why: "Where connection tracking is loaded, a full table drops new connections in silence, SSH too.",
    limits: [LINUX.conntrackFactor, LINUX.conntrackBytes],
    mend: "Raise `net.netfilter.nf_conntrack_max`, or exclude the gateway's ports (`NOTRACK`).",
    judge: given(
      { wanted, most: sysctl("net.netfilter.nf_conntrack_max") },
      ({ wanted: { connections, workers }, most }) => {
        const needed = Math.ceil(connections * LINUX.conntrackFactor.value);
        const found = `nf_conntrack_max = ${count(most)}; ${count(needed)} are wanted`;
        if (most >= needed) return ok(found);
        const key = "net.netfilter.nf_conntrack_max";
        return failed(found, set(key, ruleOf(key, connections, workers)));
      },
    ),
  },
  {
    code: "HF-M024",
    title: "tracked connections in use",
    why: "What is tracked now, by all that run here, leaves the rest to clients.",
    limits: [conntrackUseShare],
    mend: "Raise `net.netfilter.nf_conntrack_max`, or shorten `nf_conntrack_tcp_timeout_established`.",
    judge: given(
      { used: sysctl("net.netfilter.nf_conntrack_count"), most: sysctl("net.netfilter.nf_conntrack_max") },
      ({ used, most }) => {
        const found = `${count(used)} of ${count(most)} (${percent(used / most)})`;
        if (used >= most) return failed(found);
        return used / most > conntrackUseShare.value ? warning(found) : ok(found);
      },
    ),
  },
  {
    code: "HF-M025",
    title: "how long a silent connection is tracked",
    why: "Longer than a day the dead fill the table; shorter than two pings the living are forgotten.",
    limits: [LINUX.conntrackEstablishedSeconds],
    mend: set("net.netfilter.nf_conntrack_tcp_timeout_established", LINUX.conntrackEstablishedSeconds.value),
    judge: given(
      {
        seconds: sysctl("net.netfilter.nf_conntrack_tcp_timeout_established"),
        ping: ({ gateway }) => mapped(gateway.settings, ({ pingInterval }) => pingInterval / 1000),
      },
      ({ seconds, ping }) => {
        const found = `${count(seconds)} s, and a ping every ${ping} s`;
        if (seconds < 2 * ping) return failed(found);
        return seconds > 86_400 ? warning(found) : ok(found);
      },
    ),
  },
  {
    code: "HF-M026",
    title: "connections that the network adapter tracks",
    why: "An EC2 instance tracks so many connections and drops new ones in silence.",
    limits: [EC2.conntrackAllowanceObserved],
    mend: "Take a larger instance type or more instances, and a `TcpEstablishedTimeout` of minutes for the interface.",
    judge: given(
      { wanted, adapters: ({ machine }) => machine.adapters },
      ({ wanted: { connections }, adapters }) => {
        const exceeded = sumOf(adapters, "conntrack_allowance_exceeded");
        if (exceeded > 0)
          return failed(`${count(exceeded)} packets were dropped at the adapter's limit of connections`);
        const available = sumOf(adapters, "conntrack_allowance_available");
        if (!adapters.some(({ counters }) => "conntrack_allowance_available" in counters))
          return skipped("the driver does not say how many connections are left");
        const found = `${count(available)} are left`;
        return available < connections
          ? warning(`${found}, and ${count(connections)} are wanted`)
          : ok(found);
      },
    ),
  },
  {
    code: "HF-M027",
    title: "bandwidth and packets of the network adapter",
    why: "Beyond its allowance an EC2 instance's packets are queued and dropped.",
    limits: [EC2.conntrackAllowanceObserved],
    mend: "Take an instance type with more bandwidth, or more instances.",
    judge: given({ adapters: ({ machine }) => machine.adapters }, ({ adapters }) => {
      const names = ["bw_in", "bw_out", "pps", "linklocal"].map((each) => `${each}_allowance_exceeded`);
      const hit = names.filter((name) => sumOf(adapters, name) > 0);
      return hit.length === 0
        ? ok("no allowance was exceeded")
        : warning(hit.map((name) => `${name} = ${count(sumOf(adapters, name))}`).join(", "));
    }),
  },
];

/** What a share of the connections with full buffers takes, by the largest size of a buffer. */
function full(code: string, title: string, key: SysctlKey, what: string): Check {
  return {
    code,
    title,
    why: `${what} is kernel memory that no setting of the gateway limits.`,
    limits: [stalledShare, bufferMemoryShare],
    mend: `Lower the third value: \`${key} = 4096 16384 262144\`; \`holdfast tune\` prints the line.`,
    judge: given(
      { wanted, sizes: sysctlNumbers(key), memory: ({ machine }) => machine.memoryBytes },
      ({ wanted: { connections }, sizes, memory }): CheckVerdict => {
        const most = sizes[2] ?? 0;
        const stalled = Math.ceil(connections * stalledShare.value);
        const taken = stalled * most;
        const found = `at most ${bytes(most)}: ${count(stalled)} full ones are ${bytes(taken)} of ${bytes(memory)}`;
        return taken > memory * bufferMemoryShare.value ? warning(found) : ok(found);
      },
    ),
  };
}

function sumOf(
  adapters: readonly { readonly counters: Readonly<Record<string, number>> }[],
  name: string,
): number {
  return adapters.reduce((sum, { counters }) => sum + (counters[name] ?? 0), 0);
}
