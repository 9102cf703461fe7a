/**
 * Checks of size: workers, ports, queues, outboxes, the log.
 */
import { GATEWAY, LOAD_BALANCER, MACHINE_THRESHOLDS, portsNeeded } from "@holdfast/platform";
import { bytes, type Check, count, given, ok, warning } from "../check.js";
import { settings } from "./readers.js";

const { stalledShare, bufferMemoryShare } = MACHINE_THRESHOLDS;

export const CAPACITY: readonly Check[] = [
  {
    code: "HF-G030",
    title: "workers",
    why: "A worker is one CPU's work: more of them take turns, and each costs memory of its own.",
    limits: [GATEWAY.bytesPerProcess, GATEWAY.maxWorkers],
    mend: "Leave `workers` at auto.",
    judge: given(
      { settings, cpu: ({ machine }) => machine.cpu },
      ({ settings: { workers }, cpu: { cpus, quota } }) => {
        const usable = Math.max(1, Math.floor(Math.min(cpus, quota)));
        const found = `${workers} on ${usable} CPUs`;
        return workers > 2 * usable ? warning(found) : ok(found);
      },
    ),
  },
  {
    code: "HF-G031",
    title: "public ports",
    why: "A load balancer that connects from its own address reaches so many connections of one port.",
    limits: [LOAD_BALANCER.connectionsPerTargetPort],
    mend: "Let `port` be a range, such as 8080-8099, and register each port.",
    judge: given({ settings }, ({ settings: { port, maxConnections, isPublic } }) => {
      const needed = portsNeeded(maxConnections);
      const found = `${port.length} for ${count(maxConnections)} connections`;
      return isPublic && port.length < needed
        ? warning(`${found}; ${needed} are needed behind a load balancer`)
        : ok(found);
    }),
  },
  {
    code: "HF-G032",
    title: "accept queue that is asked for",
    why: "What comes in the busiest second and does not fit tries again after seconds.",
    limits: [GATEWAY.returnsPerSecondPerCpu],
    mend: "Raise `backlog`, and `net.core.somaxconn` with it.",
    judge: given({ settings }, ({ settings: { backlog, port, maxConnections, isPublic } }) => {
      const needed = Math.ceil(maxConnections / 15 / Math.max(1, port.length));
      const found = `${count(backlog)} for each port; a second may bring ${count(needed)}`;
      return isPublic && backlog < needed ? warning(found) : ok(found);
    }),
  },
  {
    code: "HF-G033",
    title: "outboxes of slow clients",
    why: "What waits for a slow client is memory of its worker.",
    limits: [stalledShare, bufferMemoryShare],
    mend: "Lower `maxOutboxBytes`, or raise the memory.",
    judge: given(
      { settings, memory: ({ machine }) => machine.memoryBytes },
      ({ settings: { maxOutboxBytes, maxConnections }, memory }) => {
        const slow = Math.ceil(maxConnections * stalledShare.value);
        const taken = slow * maxOutboxBytes;
        const found = `${count(slow)} full ones of ${bytes(maxOutboxBytes)} are ${bytes(taken)} of ${bytes(memory)}`;
        return taken > memory / 2 ? warning(found) : ok(found);
      },
    ),
  },
  {
    code: "HF-G034",
    title: "log level",
    why: "With `debug` each connection writes lines: the log is then what a worker does.",
    limits: [GATEWAY.microsPerHandshake],
    mend: "Set `logLevel` to info.",
    judge: given({ settings }, ({ settings: { logLevel } }) =>
      logLevel === "debug" || logLevel === "silent" ? warning(logLevel) : ok(logLevel),
    ),
  },
];
