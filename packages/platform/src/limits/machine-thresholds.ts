/**
 * From where on `holdfast doctor` warns of a machine.
 *
 * Owns shares and floors that no platform states. Limits that one does are in the other tables.
 */
import { limit } from "../limit.js";

export const MACHINE_THRESHOLDS = Object.freeze({
  fileUseShare: limit(
    "doctor.file-use-share",
    0.8,
    "share",
    "rule",
    "this project",
    "Of `fs.file-max`: beyond it another program's files stop the gateway from accepting.",
  ),
  sourcePortsLeast: limit(
    "doctor.source-ports-least",
    10000,
    "ports",
    "rule",
    "this project",
    "Of `ip_local_port_range`: what a proxy on this machine, forwarded requests, webhooks and Redis connect from.",
  ),
  stalledShare: limit(
    "doctor.stalled-share",
    0.01,
    "share of connections",
    "rule",
    "this project",
    "Connections whose buffers may be full at once.",
  ),
  bufferMemoryShare: limit(
    "doctor.buffer-memory-share",
    0.1,
    "share of memory",
    "rule",
    "this project",
    "What the full buffers of these may take.",
  ),
  conntrackUseShare: limit(
    "doctor.conntrack-use-share",
    0.7,
    "share",
    "rule",
    "docs.kernel.org/networking/nf_conntrack-sysctl.html",
    "Of `nf_conntrack_max`: a full table drops new connections in silence.",
  ),
  swappiness: limit(
    "doctor.swappiness",
    10,
    "0 to 200",
    "rule",
    "docs.kernel.org/admin-guide/sysctl/vm.html",
    "Above it the kernel swaps out heap that a collection touches soon.",
  ),
  memoryUseShare: limit(
    "doctor.memory-use-share",
    0.9,
    "share",
    "rule",
    "this project",
    "Of a control group's limit: the kernel kills a worker at all of it.",
  ),
  throttledShare: limit(
    "doctor.throttled-share",
    0.05,
    "share of periods",
    "rule",
    "docs.kernel.org/scheduler/sched-bwc.html",
    "Periods in which the quota was used up: all workers stand still until the next.",
  ),
  clockSkewMs: limit(
    "doctor.clock-skew-ms",
    5000,
    "ms",
    "documented",
    "docs/operations.md, Clock",
    "How far clocks of instances, Redis and issuers may be apart: tickets end after 30 s.",
  ),
  entropyLeast: limit(
    "doctor.entropy-least",
    128,
    "bits",
    "rule",
    "random(4)",
    "A kernel before 5.6 blocks below it, and TLS and session ids wait.",
  ),
  freeDiskBytes: limit(
    "doctor.free-disk-bytes",
    268435456,
    "bytes",
    "rule",
    "this project",
    "Of the file systems of logs and of the temporary folder: sockets between workers are made there.",
  ),
  socketPathLength: limit(
    "doctor.socket-path-length",
    107,
    "bytes",
    "documented",
    "unix(7)",
    "Longest path of a Unix socket; ours add 50 to the temporary folder.",
  ),
  threadsPerProcess: limit(
    "doctor.threads-per-process",
    12,
    "threads",
    "rule",
    "this project",
    "Main thread, V8's, libuv's.",
  ),
});
