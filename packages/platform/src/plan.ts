/**
 * A plan: from connections and traffic to instances, ports, memory, Redis, load balancer, cost, and the
 * limit that is hit first.
 *
 * Pure: the command `holdfast plan` and the AWS kit print and build what it says. Invariant: the fleet
 * still holds all connections while one instance is gone.
 */
import { type Capacity, connectionsPerInstance } from "./capacity.js";
import { egressCost, type LoadBalancerCost, loadBalancerCost, monthly } from "./cost.js";
import { type ExpectedTraffic, QUIET, returnsPerSecond } from "./cpu.js";
import { type DrainTimings, drainTimings } from "./drain-timings.js";
import { idleTimers, type ListenerProtocol, mostPingSeconds } from "./idle-timers.js";
import { type InstanceType, instanceType } from "./instance-types.js";
import { LOAD_BALANCER } from "./limits/load-balancer.js";
import { measuredMemory, neededMemory } from "./memory.js";
import { type LoadBalancerKind, mostInstances, portsNeeded } from "./ports.js";
import { type RedisPlan, redisFor } from "./redis-plan.js";
import { positive } from "./rounding.js";

export interface PlanInput {
  readonly connections: number;
  /** Name or numbers; `m8g.xlarge` where nothing is said. */
  readonly instanceType?: string | InstanceType;
  readonly loadBalancer?: LoadBalancerKind;
  readonly protocol?: ListenerProtocol;
  readonly zones?: number;
  readonly crossZone?: boolean;
  /** Publications a second of the whole cluster, and their bytes. */
  readonly publicationsPerSecond?: number;
  readonly publicationBytes?: number;
  /** Connections that receive each publication. */
  readonly subscribersPerPublication?: number;
  readonly pingIntervalSeconds?: number;
  readonly commandsPerConnection?: number;
  readonly historyChannels?: number;
  readonly historySize?: number;
  readonly members?: number;
}

export interface Plan {
  readonly instances: number;
  readonly instanceType: string;
  readonly workersPerInstance: number;
  readonly portsPerInstance: number;
  /** With all instances, and while one is gone. */
  readonly connectionsPerInstance: number;
  readonly connectionsWithoutOne: number;
  readonly capacity: Capacity;
  readonly memory: {
    readonly gatewayBytes: number;
    readonly kernelBytes: number;
    readonly neededBytes: number;
    readonly machineBytes: number;
  };
  readonly pingIntervalSeconds: number;
  readonly drain: DrainTimings;
  readonly redis: RedisPlan;
  readonly loadBalancer: LoadBalancerCost;
  readonly dollarsPerMonth: {
    readonly instances: number | undefined;
    readonly loadBalancer: number;
    readonly redis: number | undefined;
    readonly egress: number;
  };
  /** The limit that more connections meet first, and at how many connections of the fleet. */
  readonly firstLimit: { readonly id: string; readonly connections: number; readonly reason: string };
  readonly problems: readonly string[];
}

/** Room on an instance above its share, so that returning clients find places. */
const HEADROOM_PERCENT = 110;
const HEADROOM = HEADROOM_PERCENT / 100;
const HEAD_BYTES = 400;

export function plan(input: PlanInput): Plan {
  const connections = positive(input.connections, "connections");
  const { loadBalancer: kind = "nlb", zones = 3, crossZone = false, publicationBytes = 200 } = input;
  const { protocol = kind === "nlb" ? "tcp" : "https" } = input;
  const type = resolve(input.instanceType ?? "m8g.xlarge");
  const timers = idleTimers(kind, protocol, kind === "alb" ? 120 : LOAD_BALANCER.nlbIdleDefault.value);
  const ping = input.pingIntervalSeconds ?? Math.min(25, mostPingSeconds(timers));
  const traffic = trafficOf(input, ping);
  const workers = Math.max(1, Math.floor(type.cpus));
  // More ports than any limit of the machine needs: what the machine itself holds.
  const alone = connectionsPerInstance(type, 256, { traffic });
  const instances = instancesFor(connections, alone.connections, kind, zones);
  const share = Math.ceil(connections / instances);
  const withoutOne = Math.ceil((connections * HEADROOM_PERCENT) / (100 * Math.max(1, instances - 1)));
  const ports = portsNeeded(withoutOne);
  const capacity = connectionsPerInstance(type, ports, { traffic });
  const redis = redisFor({
    instances,
    workersPerInstance: workers,
    publicationsPerSecond: traffic.publicationsPerSecond,
    publicationBytes,
    ...optionalLoad(input),
  });
  const bytesOut = bytesPerSecond(connections, traffic, publicationBytes);
  const balancer = loadBalancerCost({
    kind,
    protocol,
    connections,
    newPerSecond: connections / 3600,
    bytesPerSecond: bytesOut,
  });
  const quota = mostInstances({ kind, ports, crossZone, zones });
  return {
    instances,
    instanceType: type.name,
    workersPerInstance: workers,
    portsPerInstance: ports,
    connectionsPerInstance: share,
    connectionsWithoutOne: withoutOne,
    capacity,
    memory: memoryOf(type, workers, share, withoutOne),
    pingIntervalSeconds: ping,
    drain: drainTimings({
      place: "ec2",
      connections: share,
      returnsPerSecond: returnsPerSecond(type.cpus) * Math.max(1, instances - 1),
    }),
    redis,
    loadBalancer: balancer,
    dollarsPerMonth: {
      instances: type.pricePerHour === undefined ? undefined : monthly(type.pricePerHour, instances),
      loadBalancer: balancer.dollarsPerMonth,
      redis: redis.node === undefined ? undefined : monthly(redis.node.pricePerHour, 2),
      egress: egressCost(bytesOut),
    },
    firstLimit: firstLimit(capacity, instances, quota),
    problems: [...redis.problems, ...beyondQuota(instances, ports, quota)],
  };
}

function resolve(type: string | InstanceType): InstanceType {
  const found = typeof type === "string" ? instanceType(type) : type;
  if (found === undefined) throw new RangeError(`${String(type)}: unknown instance type`);
  return found;
}

function trafficOf(input: PlanInput, pingIntervalSeconds: number): ExpectedTraffic {
  const publicationsPerSecond = input.publicationsPerSecond ?? 0;
  const receivers = Math.min(input.subscribersPerPublication ?? 0, input.connections);
  return {
    ...QUIET,
    pingIntervalSeconds,
    publicationsPerSecond,
    deliveriesPerConnection: (publicationsPerSecond * receivers) / input.connections,
    commandsPerConnection: input.commandsPerConnection ?? 0,
  };
}

/**
 * Enough that all but one hold everything, at least two, and one for each zone where that is more than
 * two.
 */
function instancesFor(connections: number, most: number, kind: LoadBalancerKind, zones: number): number {
  const byMachine = Math.floor(most / HEADROOM);
  if (byMachine < 1)
    throw new RangeError("the instance type is too small for one connection: take a larger one");
  // A listener's target groups bound the ports, so the connections, of an instance.
  const byPorts = LOAD_BALANCER.connectionsPerTargetPort.value * LOAD_BALANCER.albGroupsPerAction.value;
  const each = Math.min(byMachine, kind === "alb" ? Math.floor(byPorts / HEADROOM) : byMachine);
  return Math.max(Math.ceil(connections / each) + 1, Math.min(zones, 2));
}

function optionalLoad(input: PlanInput): {
  historyChannels?: number;
  historySize?: number;
  members?: number;
} {
  const { historyChannels, historySize, members } = input;
  return {
    ...(historyChannels === undefined ? {} : { historyChannels }),
    ...(historySize === undefined ? {} : { historySize }),
    ...(members === undefined ? {} : { members }),
  };
}

function bytesPerSecond(connections: number, traffic: ExpectedTraffic, publicationBytes: number): number {
  const pings = (connections / traffic.pingIntervalSeconds) * 2 * 60;
  const pushes = connections * traffic.deliveriesPerConnection * (publicationBytes + 100);
  return pings + pushes + (connections / 3600) * HEAD_BYTES;
}

/** Of one instance with its share; needed are the bytes while one instance is gone. */
function memoryOf(type: InstanceType, workers: number, share: number, withoutOne: number): Plan["memory"] {
  return {
    ...measuredMemory({ connections: share, workers }),
    neededBytes: neededMemory({ connections: withoutOne, workers }),
    machineBytes: type.memoryBytes,
  };
}

function beyondQuota(instances: number, ports: number, quota: number): string[] {
  if (instances <= quota) return [];
  return [`${instances} instances with ${ports} ports: the load balancer takes ${quota} (quota of targets)`];
}

/** The least of what the instances hold together and what the load balancer's quota lets them be. */
function firstLimit({ first }: Capacity, instances: number, quota: number): Plan["firstLimit"] {
  const held = first.connections * Math.max(1, instances - 1);
  if (quota >= instances) {
    return {
      id: first.id,
      connections: held,
      reason: `${first.reason}; with one of ${instances} instances gone`,
    };
  }
  return {
    id: "lb.targets",
    connections: first.connections * Math.max(0, quota - 1),
    reason: `the load balancer takes ${quota} instances with so many ports`,
  };
}
