/**
 * Holdfast itself: what a process, a connection, a delivery cost. Measured figures are those of
 * docs/performance.md; gateway.test.ts compares them with the tables there.
 */
import { limit } from "../limit.js";

const MILLION = "docs/performance.md, A million connections";
const BENCH = "docs/performance.md, Figures";

export const GATEWAY = Object.freeze({
  bytesPerProcess: limit(
    "gateway.bytes-per-process",
    23 * 1024 ** 2,
    "bytes",
    "measured",
    MILLION,
    "PSS of a worker, or the primary, before its first connection.",
  ),
  bytesPerConnection: limit(
    "gateway.bytes-per-connection",
    1185,
    "bytes",
    "measured",
    MILLION,
    "User space of a connection with a session and one subscription, after a collection: the slope between 10,000 and 1,000,000.",
  ),
  kernelBytesPerConnection: limit(
    "gateway.kernel-bytes-per-connection",
    5141,
    "bytes",
    "measured",
    MILLION,
    "Kernel memory of one end, half of what both ends of the run took; more than the slab objects alone.",
  ),
  garbageFactor: limit(
    "gateway.garbage-factor",
    2,
    "times",
    "rule",
    "this project",
    "Heap between two collections by the heap after one. Room in a plan, not a part of the measured model.",
  ),
  microsPerPing: limit(
    "gateway.micros-per-ping",
    47,
    "µs of a core",
    "measured",
    MILLION,
    "A ping and its answer, where few answers share a wake-up; 34 µs where many do.",
  ),
  microsPerDelivery: limit(
    "gateway.micros-per-delivery",
    8.83,
    "µs of a core",
    "measured",
    `${BENCH}, Fan-out`,
    "One publication to one of 18,000 subscribers, the kernel's part included.",
  ),
  microsPerHandshake: limit(
    "gateway.micros-per-handshake",
    684,
    "µs of a core",
    "measured",
    `${BENCH}, Reconnect storm`,
    "Primary and worker together at a steady 1,000 a second; less in a storm.",
  ),
  microsPerCommand: limit(
    "gateway.micros-per-command",
    60,
    "µs of a core",
    "rule",
    "this project",
    "A client's command with its answer: a read, a parse, a write.",
  ),
  microsPerPublication: limit(
    "gateway.micros-per-publication",
    200,
    "µs of a core",
    "measured",
    `${BENCH}, Across instances`,
    "One publication through Redis on one instance, half of what two took.",
  ),
  cpuShare: limit(
    "gateway.cpu-share",
    0.5,
    "share of all cores",
    "rule",
    "this project",
    "What a plan spends on steady work. The rest is for reconnects, collections and the loss of an instance.",
  ),
  returnsPerSecondPerCpu: limit(
    "gateway.returns-per-second-per-cpu",
    250,
    "handshakes a second",
    "rule",
    "this project",
    "Returning clients that a vCPU takes beside its work: 17 % of it.",
  ),
  spread: limit(
    "gateway.spread",
    1.25,
    "times",
    "rule",
    "packages/cli/src/machine/capacity.ts",
    "What a worker may hold by its even share of the connections.",
  ),
  reservedFiles: limit(
    "gateway.reserved-files",
    256,
    "files",
    "rule",
    "packages/cli/src/machine/capacity.ts",
    "Files of a worker besides connections: pipes, Redis, modules, logs.",
  ),
  maxWorkers: limit(
    "gateway.max-workers",
    256,
    "workers",
    "documented",
    "docs/protocol.md",
    "Slots of an instance that a session id can name.",
  ),
  maxPorts: limit(
    "gateway.max-ports",
    256,
    "ports",
    "documented",
    "docs/configuration.md",
    "Longest range of `port`.",
  ),
  stopReserveSeconds: limit(
    "gateway.stop-reserve-seconds",
    15,
    "seconds",
    "documented",
    "docs/operations.md",
    "The primary's own grace after the drain, and the end of the processes.",
  ),
});
