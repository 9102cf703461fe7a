/**
 * Node.js: backlog, heap, what its versions refuse.
 */
import { limit } from "../limit.js";

export const NODE = Object.freeze({
  oldest: limit(
    "node.oldest-version",
    "20.19",
    "version",
    "measured",
    "package.json",
    "Tests run on 20, 22, 24 and 26.",
  ),
  supportEnds: limit(
    "node.support-ends",
    "20: 2026-04-30, 22: 2027-04-30, 24: 2028-04-30, 26: 2029-04-30",
    "day by line",
    "general",
    "github.com/nodejs/Release",
    "A line without support gets no fixes of its HTTP parser and its TLS.",
  ),
  reusePortVersion: limit(
    "node.reuse-port-version",
    "22.12",
    "version",
    "documented",
    "nodejs.org/api/net.html",
    "`accept` `reuseport` needs it: workers then listen themselves.",
  ),
  defaultBacklog: limit(
    "node.default-backlog",
    511,
    "connections",
    "documented",
    "nodejs.org/api/net.html",
    "What `listen` asks for without a number; the gateway asks for `backlog`.",
  ),
  heapShare: limit(
    "node.heap-share",
    0.5,
    "share of memory",
    "rule",
    "packages/cli/src/machine/heap.ts",
    "Old space of all workers together. The rest is for kernel memory, frames on their way out, the primary and the system.",
  ),
  defaultHeapBytes: limit(
    "node.default-heap-bytes",
    4.2 * 1024 ** 3,
    "bytes",
    "observed",
    "v8.getHeapStatistics() on a machine with 23 GiB",
    "V8's own ceiling of one process, which is why workers are given one of their own.",
  ),
  sendQueueBytes: limit(
    "node.ipc-queue-bytes",
    131_072,
    "bytes",
    "documented",
    "lib/internal/child_process.js",
    "`process.send` answers false from here on: back-pressure of the hand-off.",
  ),
});
