/**
 * How many connections an instance holds, and which limit is the first one.
 *
 * Invariant: the answer is the least of all limits in the list, and the list is sorted, so that a caller
 * can also say what comes second.
 */
import { connectionsByCpu, type ExpectedTraffic, QUIET } from "./cpu.js";
import { connectionsByFiles } from "./files.js";
import { type InstanceType, instanceType, knownFamilies } from "./instance-types.js";
import { EC2 } from "./limits/ec2.js";
import { GATEWAY } from "./limits/gateway.js";
import { LINUX } from "./limits/linux.js";
import { LOAD_BALANCER } from "./limits/load-balancer.js";
import { connectionsInMemory } from "./memory.js";
import { connectionsOnPorts } from "./ports.js";

export interface CapacityOptions {
  readonly traffic?: Partial<ExpectedTraffic>;
  /** One for each CPU where nothing is said. */
  readonly workers?: number;
  readonly openFiles?: number;
  /**
   * Tracked connections that the instance's interface takes, once you have seen
   * `conntrack_allowance_available`.
   */
  readonly conntrackAllowance?: number;
}

export interface CapacityLimit {
  /** Of a limit of this package, or a resource. */
  readonly id: string;
  readonly connections: number;
  /** One sentence. */
  readonly reason: string;
}

export interface Capacity {
  readonly connections: number;
  /** The one that is hit first. */
  readonly first: CapacityLimit;
  /** All, the least first. */
  readonly limits: readonly CapacityLimit[];
  /** Limits without a published value: what to watch. */
  readonly unknown: readonly string[];
}

/**
 * Connections of one instance that listens on so many ports. `type`: a name such as `m8g.xlarge`, or its
 * numbers.
 */
export function connectionsPerInstance(
  type: string | InstanceType,
  ports: number,
  options: CapacityOptions = {},
): Capacity {
  const instance = typeof type === "string" ? instanceType(type) : type;
  if (instance === undefined) {
    throw new RangeError(
      `${String(type)}: unknown instance type; bring its CPUs and memory, or take a family of ${knownFamilies().join(", ")}`,
    );
  }
  const limits = limitsOf(instance, ports, options).sort((a, b) => a.connections - b.connections);
  const [first] = limits;
  if (first === undefined) throw new RangeError("no limit at all");
  const unknown =
    options.conntrackAllowance === undefined
      ? [
          `${EC2.conntrackAllowanceObserved.id}: tracked connections of ${instance.name} are not published; watch conntrack_allowance_available`,
        ]
      : [];
  return { connections: first.connections, first, limits, unknown };
}

function limitsOf(
  { name, cpus, memoryBytes }: InstanceType,
  ports: number,
  { traffic, workers: wanted, openFiles, conntrackAllowance }: CapacityOptions,
): CapacityLimit[] {
  const workers = Math.min(wanted ?? Math.max(1, Math.floor(cpus)), GATEWAY.maxWorkers.value);
  const files = openFiles ?? LINUX.openFilesPerProcess.value;
  const limits: CapacityLimit[] = [
    {
      id: "memory",
      connections: connectionsInMemory(memoryBytes, workers),
      reason: `${name} has ${(memoryBytes / 1024 ** 3).toFixed(0)} GiB of memory for ${workers} workers`,
    },
    {
      id: "cpu",
      connections: connectionsByCpu(cpus, { ...QUIET, ...traffic }),
      reason: `${cpus} CPUs spend ${GATEWAY.cpuShare.value * 100} % of their time on steady work`,
    },
    {
      id: LOAD_BALANCER.connectionsPerTargetPort.id,
      connections: connectionsOnPorts(ports),
      reason: `a load balancer reaches about 55,000 connections on each of ${ports} ports`,
    },
    {
      id: LINUX.openFilesPerProcess.id,
      connections: connectionsByFiles(files, workers),
      reason: `each of ${workers} workers may open ${files} files`,
    },
  ];
  if (conntrackAllowance !== undefined) {
    limits.push({
      id: EC2.conntrackAllowanceObserved.id,
      connections: conntrackAllowance,
      reason: `the network interface tracks ${conntrackAllowance} connections`,
    });
  }
  return limits;
}
