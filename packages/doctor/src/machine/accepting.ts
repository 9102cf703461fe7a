/**
 * Checks of what a machine takes in at once: accept queues, packets, ports of its own.
 */
import { LINUX, MACHINE_THRESHOLDS } from "@holdfast/platform";
import { type Check, count, failed, given, ok, warning } from "../check.js";
import { mapped, within } from "../facts/fact.js";
import type { Facts } from "../facts/facts.js";
import { busiestSecond, set, sysctl, sysctlNumbers, wanted } from "./readers.js";

const settings = ({ gateway }: Facts): Facts["gateway"]["settings"] => gateway.settings;

export const ACCEPTING: readonly Check[] = [
  {
    code: "HF-M010",
    title: "accept queue",
    why: "The kernel gives the smaller one of `net.core.somaxconn` and the setting `backlog`: what comes beyond it tries again after 1, 3 and 7 seconds.",
    limits: [LINUX.mostBacklog],
    mend: "Raise `net.core.somaxconn` to the setting `backlog` at least.",
    judge: given({ settings, most: sysctl("net.core.somaxconn") }, ({ settings: { backlog }, most }) => {
      const found = `net.core.somaxconn = ${count(most)}, and backlog ${count(backlog)}`;
      return most < backlog ? warning(found, set("net.core.somaxconn", backlog)) : ok(found);
    }),
  },
  {
    code: "HF-M011",
    title: "half-open connections",
    why: "When all clients come back at once, handshakes beyond it are dropped, or answered without what TCP has learnt since 1996 (syncookies).",
    limits: [LINUX.mostBacklog],
    mend: "Raise `net.ipv4.tcp_max_syn_backlog` to the connections of the busiest second; `holdfast tune` prints the line.",
    judge: given(
      { wanted, most: sysctl("net.ipv4.tcp_max_syn_backlog"), cookies: sysctl("net.ipv4.tcp_syncookies") },
      ({ wanted: { connections }, most, cookies }) => {
        const needed = Math.min(busiestSecond(connections), LINUX.mostBacklog.value);
        const found = `net.ipv4.tcp_max_syn_backlog = ${count(most)}; a second may bring ${count(needed)}`;
        if (most >= needed) return ok(found);
        return cookies === 0 ? failed(`${found}, and net.ipv4.tcp_syncookies is 0`) : warning(found);
      },
    ),
  },
  {
    code: "HF-M012",
    title: "packets that wait for a CPU",
    why: "Packets beyond it are dropped and sent again, which looks like a slow network.",
    limits: [LINUX.packetsPerCpu],
    mend: "Raise `net.core.netdev_max_backlog`; `holdfast tune` prints the line.",
    judge: given(
      { wanted, most: sysctl("net.core.netdev_max_backlog") },
      ({ wanted: { connections, workers }, most }) => {
        const needed = Math.min(
          busiestSecond(connections),
          workers * LINUX.packetsPerCpu.value,
          LINUX.mostBacklog.value,
        );
        const found = `net.core.netdev_max_backlog = ${count(most)}; ${count(needed)} are wanted`;
        return most < needed ? warning(found) : ok(found);
      },
    ),
  },
  {
    code: "HF-M013",
    title: "range of outgoing ports",
    why: "A proxy on this machine, forwarded requests, webhooks and Redis connect from these ports.",
    limits: [MACHINE_THRESHOLDS.sourcePortsLeast, LINUX.sourcePorts],
    mend: "Set `net.ipv4.ip_local_port_range = 10240 65535` in `/etc/sysctl.d/60-holdfast.conf`.",
    judge: given(
      { range: sysctlNumbers("net.ipv4.ip_local_port_range") },
      ({ range: [first = 0, last = 0] }) => {
        const found = `${first} to ${last}: ${count(last - first + 1)} ports`;
        return last - first + 1 < MACHINE_THRESHOLDS.sourcePortsLeast.value ? warning(found) : ok(found);
      },
    ),
  },
  {
    code: "HF-M014",
    title: "public ports outside the outgoing ones",
    why: "An outgoing connection may have a port of the gateway at the moment of its start: then it cannot listen.",
    limits: [LINUX.sourcePorts],
    mend: "Take public ports below the range, or reserve them in `net.ipv4.ip_local_reserved_ports`.",
    judge: given(
      {
        ports: (facts) => mapped(settings(facts), ({ port }) => port.filter((each) => each !== 0)),
        range: sysctlNumbers("net.ipv4.ip_local_port_range"),
        reserved: (facts) =>
          within(facts.machine.sysctl["net.ipv4.ip_local_reserved_ports"], (text) => ({
            value: rangesOf(text),
          })),
      },
      ({ ports, range: [first = 0, last = 0], reserved }) => {
        const isReserved = (port: number): boolean =>
          reserved.some(([from, to]) => port >= from && port <= to);
        const hit = ports.filter((port) => port >= first && port <= last && !isReserved(port));
        const found = `the range ${first} to ${last}`;
        return hit.length === 0
          ? ok(`no public port is in ${found}`)
          : warning(
              `${hit.join(", ")} in ${found}`,
              `Set \`net.ipv4.ip_local_reserved_ports = ${hit[0]}${hit.length > 1 ? `-${hit.at(-1)}` : ""}\`, or take a port below ${first}.`,
            );
      },
    ),
  },
  {
    code: "HF-M015",
    title: "sockets in TIME_WAIT",
    why: "The side that closes first keeps a socket for a minute, and in a drain that is the gateway. Beyond the limit they are dropped at once, and late packets reach the wrong connection.",
    limits: [LINUX.timeWaitSeconds],
    mend: "Raise `net.ipv4.tcp_max_tw_buckets`; `holdfast tune` prints the line.",
    judge: given(
      { wanted, settings, most: sysctl("net.ipv4.tcp_max_tw_buckets") },
      ({ wanted: { connections }, settings: { drainWindow }, most }) => {
        const seconds = Math.max(1, drainWindow / 1000);
        const needed = Math.ceil(
          Math.min(connections, (connections / seconds) * LINUX.timeWaitSeconds.value),
        );
        const found = `net.ipv4.tcp_max_tw_buckets = ${count(most)}; a drain leaves ${count(needed)}`;
        return most < needed ? warning(found, set("net.ipv4.tcp_max_tw_buckets", needed)) : ok(found);
      },
    ),
  },
];

/** `8080,9000-9010` as ranges. */
function rangesOf(text: string): (readonly [from: number, to: number])[] {
  return text
    .split(",")
    .filter((each) => each.trim() !== "")
    .map((each) => {
      const [from = 0, to] = each.split("-").map(Number);
      return [from, to ?? from];
    });
}
