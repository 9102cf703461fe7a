/**
 * The scale model: what so many connections with such traffic take, on paper.
 *
 * Pure: measured constants in, predictions out; which of them were compared with a measurement is in
 * model.test.ts. Invariant: a fleet holds everything while one of its instances is gone, and what no machine
 * can do is a problem in the answer, not a number.
 */
import { connectionsPerInstance } from "../capacity.js";
import { egressCost, type LoadBalancerCost, loadBalancerCost, monthly } from "../cost.js";
import { type InstanceType, instanceType } from "../instance-types.js";
import { GATEWAY } from "../limits/gateway.js";
import { REDIS } from "../limits/redis.js";
import { type MemoryUse, measuredMemory } from "../memory.js";
import { REDIS_NODES, type RedisNode } from "../redis-plan.js";
import { positive } from "../rounding.js";
import {
  type ChannelClass,
  channelClasses,
  type Distribution,
  meanFanOut,
  meanInterested,
  type PublishedTo,
} from "./distribution.js";
import { deliveryMicros, pingMicros } from "./work.js";

/** Where a publication goes from Redis: to each worker with a subscriber, or once to the instance. */
export type RedisCopies = "worker" | "instance";

export interface ScaleInput {
  readonly connections: number;
  readonly channels: number;
  readonly channelsPerConnection: number;
  readonly distribution: Distribution;
  readonly publishedTo: PublishedTo;
  /** Of the whole cluster; a fraction is one now and then. */
  readonly publicationsPerSecond: number;
  readonly publicationBytes: number;
  readonly commandsPerConnection: number;
  /** New connections a second. */
  readonly newPerSecond: number;
  readonly pingIntervalSeconds: number;
  /** Such as `m8g.4xlarge`; one worker for each of its CPUs. */
  readonly instanceType: string;
  readonly copies: RedisCopies;
}

export interface ScaleWork {
  /** Cores that are busy, all instances together. */
  readonly pings: number;
  readonly deliveries: number;
  readonly publications: number;
  readonly commands: number;
  readonly handshakes: number;
}

export interface ScalePrediction {
  readonly instances: number;
  readonly connectionsPerInstance: number;
  readonly workersPerInstance: number;
  /** Cores that are busy, all instances together. */
  readonly cores: number;
  readonly work: ScaleWork;
  readonly deliveriesPerSecond: number;
  readonly meanFanOut: number;
  /** Of one instance with its share: idle connections, after a collection. */
  readonly memory: MemoryUse;
  readonly redis: {
    readonly connections: number;
    readonly commandsPerSecond: number;
    /** Publications that leave Redis. */
    readonly messagesPerSecond: number;
    readonly bytesPerSecond: number;
    /** Of nodes as `node`; 1 is a Redis without shards. */
    readonly shards: number;
    readonly node: RedisNode;
  };
  readonly loadBalancer: LoadBalancerCost;
  readonly dollarsPerMonth: {
    readonly instances: number;
    readonly loadBalancer: number;
    readonly redis: number;
    readonly egress: number;
    readonly all: number;
  };
}

/** Room on an instance above its share, so that returning clients find places. */
const HEADROOM = 1.1;
const CONNECTIONS_PER_PROCESS = 3;
const COMMANDS_PER_PUBLICATION = 2;
/** Around a publication: in Redis' protocol, in a frame to a client, around a ping, in a request's head. */
const BYTES = Object.freeze({ redis: 64, frame: 100, ping: 120, head: 400 });
/** Of a node's commands and bandwidth, what a plan spends. */
export const NODE_SHARE = 0.7;
/** A primary and its replica. */
const NODES_PER_SHARD = 2;
/** The number of instances depends on the work of each, and that on their number. */
const MOST_ROUNDS = 60;
const MOST_INSTANCES = 1_000_000;

/** Throws a `RangeError` for an input that no fleet can be made for. */
export function predict(input: ScaleInput): ScalePrediction {
  const connections = positive(input.connections, "connections");
  const type = instanceType(input.instanceType);
  if (type === undefined) throw new RangeError(`${input.instanceType}: unknown instance type`);
  const classes = channelClasses(input);
  const workers = Math.max(1, Math.floor(type.cpus));
  const instances = instancesFor(input, classes, type, workers);
  const work = workOf(input, classes, instances, workers);
  const redis = redisOf(input, classes, instances, workers);
  const fanOut = meanFanOut(classes);
  const bytesOut = clientBytes(input, fanOut);
  const share = Math.ceil(connections / instances);
  const loadBalancer = loadBalancerCost({
    kind: "nlb",
    protocol: "tcp",
    connections,
    newPerSecond: input.newPerSecond,
    bytesPerSecond: bytesOut,
  });
  const dollars = {
    instances: monthly(type.pricePerHour ?? 0, instances),
    loadBalancer: loadBalancer.dollarsPerMonth,
    redis: monthly(redis.node.pricePerHour, redis.shards * NODES_PER_SHARD),
    egress: egressCost(bytesOut),
  };
  return {
    instances,
    connectionsPerInstance: share,
    workersPerInstance: workers,
    cores: sum(work),
    work,
    deliveriesPerSecond: input.publicationsPerSecond * fanOut,
    meanFanOut: fanOut,
    memory: measuredMemory({ connections: share, workers }),
    redis,
    loadBalancer,
    dollarsPerMonth: { ...dollars, all: Object.values(dollars).reduce((all, each) => all + each, 0) },
  };
}

/** Cores that are busy, with so many instances of so many workers. */
export function workOf(
  input: ScaleInput,
  classes: readonly ChannelClass[],
  instances: number,
  workers: number,
): ScaleWork {
  const { connections, pingIntervalSeconds, publicationsPerSecond, commandsPerConnection } = input;
  const pings = connections / pingIntervalSeconds;
  const allWorkers = instances * workers;
  const deliveries = classes.reduce(
    (micros, { subscribers, publicationShare }) =>
      micros + publicationShare * subscribers * deliveryMicros(subscribers / allWorkers),
    0,
  );
  const receivers = meanInterested(classes, instances);
  return {
    pings: (pings * pingMicros(pings / allWorkers)) / 1e6,
    deliveries: (publicationsPerSecond * deliveries) / 1e6,
    publications: (publicationsPerSecond * receivers * GATEWAY.microsPerPublication.value) / 1e6,
    commands: (connections * commandsPerConnection * GATEWAY.microsPerCommand.value) / 1e6,
    handshakes: (input.newPerSecond * GATEWAY.microsPerHandshake.value) / 1e6,
  };
}

/** Instances, with one to spare, so that each has the memory for its share and spends half of its CPU. */
function instancesFor(
  input: ScaleInput,
  classes: readonly ChannelClass[],
  type: InstanceType,
  workers: number,
): number {
  // The work is counted below, class by class; what is asked here are memory, ports and files.
  const quiet = { pingIntervalSeconds: 3_600 };
  const held = connectionsPerInstance(type, GATEWAY.maxPorts.value, { traffic: quiet }).connections;
  let needed = Math.ceil((input.connections * HEADROOM) / held);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const cores = sum(workOf(input, classes, needed + 1, workers));
    const byWork = Math.ceil(cores / (type.cpus * GATEWAY.cpuShare.value));
    if (byWork <= needed) return needed + 1;
    if (byWork > MOST_INSTANCES) break;
    needed = byWork;
  }
  throw new RangeError(
    "every further instance takes as much work as it does: fewer publications to all, or larger instances",
  );
}

function redisOf(
  { copies, publicationsPerSecond, publicationBytes }: ScaleInput,
  classes: readonly ChannelClass[],
  instances: number,
  workers: number,
): ScalePrediction["redis"] {
  const places = copies === "worker" ? instances * workers : instances;
  const messagesPerSecond = publicationsPerSecond * meanInterested(classes, places);
  const bytesPerSecond = messagesPerSecond * (publicationBytes + BYTES.redis);
  const connections = instances * (workers + 1) * CONNECTIONS_PER_PROCESS;
  const commandsPerSecond = publicationsPerSecond * COMMANDS_PER_PUBLICATION + connections / 5;
  const node = nodeFor(bytesPerSecond);
  const shards = Math.max(
    1,
    Math.ceil(commandsPerSecond / REDIS.opsPerSecond.value),
    Math.ceil(messagesPerSecond / REDIS.copiesPerSecond.value),
    Math.ceil(bytesPerSecond / (node.bytesPerSecond * NODE_SHARE)),
    // Connections are not spread by shards: each process has its own to each shard.
  );
  return { connections, commandsPerSecond, messagesPerSecond, bytesPerSecond, shards, node };
}

/** The smallest node with the bandwidth, else the largest one, of which there are several then. */
function nodeFor(bytesPerSecond: number): RedisNode {
  const fits = REDIS_NODES.find((each) => each.bytesPerSecond * NODE_SHARE >= bytesPerSecond);
  const largest = REDIS_NODES.at(-1);
  if (largest === undefined) throw new RangeError("there is no node in the table");
  return fits ?? largest;
}

function clientBytes(input: ScaleInput, fanOut: number): number {
  const { connections, pingIntervalSeconds, publicationsPerSecond, publicationBytes } = input;
  const pings = (connections / pingIntervalSeconds) * BYTES.ping;
  const pushes = publicationsPerSecond * fanOut * (publicationBytes + BYTES.frame);
  return pings + pushes + input.newPerSecond * BYTES.head;
}

function sum(work: ScaleWork): number {
  return work.pings + work.deliveries + work.publications + work.commands + work.handshakes;
}
