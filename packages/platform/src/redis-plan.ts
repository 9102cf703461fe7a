/**
 * The size of Redis or Valkey for a cluster: memory, bandwidth, connections, parameters.
 *
 * A publication goes once to each instance with a subscriber whose workers share subscriptions, as they do
 * by default from four workers on (docs/adr/0058), and otherwise once to each worker with one. A plan takes
 * all of them to have one. Invariant: what is kept must fit into a node without eviction.
 */
import { REDIS } from "./limits/redis.js";

export interface RedisLoad {
  readonly instances: number;
  readonly workersPerInstance: number;
  readonly publicationsPerSecond: number;
  readonly publicationBytes: number;
  /** Channels that keep a history, and publications that each keeps. */
  readonly historyChannels?: number;
  readonly historySize?: number;
  /** Members of presence at once. */
  readonly members?: number;
}

export interface RedisPlan {
  /** What the keys take. */
  readonly dataBytes: number;
  /** With room: what `maxmemory` must be at least. */
  readonly memoryBytes: number;
  readonly egressBytesPerSecond: number;
  readonly connections: number;
  readonly commandsPerSecond: number;
  /** Smallest node of ElastiCache that takes it, or undefined: then shard (Redis Cluster). */
  readonly node: RedisNode | undefined;
  readonly parameters: Readonly<Record<string, string>>;
  readonly problems: readonly string[];
}

export interface RedisNode {
  readonly name: string;
  readonly memoryBytes: number;
  /** Sustained network bandwidth that a plan uses. */
  readonly bytesPerSecond: number;
  /** US dollars an hour, Valkey, us-east-1. General knowledge. */
  readonly pricePerHour: number;
}

const GIB = 1024 ** 3;
const GBIT = 1e9 / 8;

/** Graviton nodes of ElastiCache that do not borrow CPU credits, the cheapest first. */
export const REDIS_NODES: readonly RedisNode[] = Object.freeze([
  { name: "cache.m7g.large", memoryBytes: 6.38 * GIB, bytesPerSecond: 0.937 * GBIT, pricePerHour: 0.1264 },
  { name: "cache.r7g.large", memoryBytes: 13.07 * GIB, bytesPerSecond: 0.937 * GBIT, pricePerHour: 0.1752 },
  { name: "cache.m7g.xlarge", memoryBytes: 12.93 * GIB, bytesPerSecond: 1.876 * GBIT, pricePerHour: 0.2528 },
  { name: "cache.r7g.xlarge", memoryBytes: 26.32 * GIB, bytesPerSecond: 1.876 * GBIT, pricePerHour: 0.3496 },
  { name: "cache.m7g.2xlarge", memoryBytes: 26.04 * GIB, bytesPerSecond: 3.75 * GBIT, pricePerHour: 0.5048 },
  { name: "cache.r7g.2xlarge", memoryBytes: 52.82 * GIB, bytesPerSecond: 3.75 * GBIT, pricePerHour: 0.6984 },
  { name: "cache.r7g.4xlarge", memoryBytes: 105.81 * GIB, bytesPerSecond: 7.5 * GBIT, pricePerHour: 1.3968 },
]);

/** Connections of an instance beside those of its workers: directory, events, ingest. */
const CONNECTIONS_PER_WORKER = 3;
/** Workers from which on those of an instance share subscriptions, unless settings say otherwise. */
export const WORKERS_TO_SHARE = 4;
/** A publication is one script call; a script counts as two commands. */
const COMMANDS_PER_PUBLICATION = 2;

export function redisFor(load: RedisLoad): RedisPlan {
  const { instances, workersPerInstance, publicationsPerSecond, publicationBytes } = load;
  const { historyChannels = 0, historySize = 0, members = 0 } = load;
  const entryBytes = publicationBytes + REDIS.bytesPerEntry.value;
  const dataBytes =
    historyChannels * (REDIS.bytesPerLog.value + historySize * entryBytes) +
    members * REDIS.bytesPerMember.value;
  const memoryBytes = Math.ceil((dataBytes + 256 * 1024 ** 2) / (1 - REDIS.reservedPercent.value / 100));
  const copies = instances * (workersPerInstance < WORKERS_TO_SHARE ? workersPerInstance : 1);
  const egressBytesPerSecond = publicationsPerSecond * (publicationBytes + 64) * copies;
  const connections = instances * (workersPerInstance + 1) * CONNECTIONS_PER_WORKER;
  const commandsPerSecond = publicationsPerSecond * COMMANDS_PER_PUBLICATION + connections / 5;
  const node = REDIS_NODES.find(
    (each) => each.memoryBytes >= memoryBytes && each.bytesPerSecond * 0.7 >= egressBytesPerSecond,
  );
  const problems: string[] = [];
  if (connections > REDIS.maxclients.value) {
    problems.push(
      `${connections} connections: a node takes ${REDIS.maxclients.value}; fewer workers per instance`,
    );
  }
  if (commandsPerSecond > REDIS.opsPerSecond.value) {
    problems.push(
      `${Math.round(commandsPerSecond)} commands a second: one primary does about ${REDIS.opsPerSecond.value}; use Redis Cluster, whose shards share the channels`,
    );
  }
  if (node === undefined) problems.push("no single node has the memory and the bandwidth: use Redis Cluster");
  return {
    dataBytes,
    memoryBytes,
    egressBytesPerSecond,
    connections,
    commandsPerSecond,
    node,
    parameters: REDIS_PARAMETERS,
    problems,
  };
}

/** Parameters of a node, by their names in ElastiCache. */
export const REDIS_PARAMETERS: Readonly<Record<string, string>> = Object.freeze({
  "maxmemory-policy": REDIS.evictionPolicy.value,
  "reserved-memory-percent": String(REDIS.reservedPercent.value),
  // Room for the burst of a broadcast to a busy instance; the default of 8 MiB for a minute cuts it off.
  "client-output-buffer-limit-pubsub-hard-limit": String(256 * 1024 ** 2),
  "client-output-buffer-limit-pubsub-soft-limit": String(64 * 1024 ** 2),
  "client-output-buffer-limit-pubsub-soft-seconds": String(REDIS.pubsubSoftSeconds.value),
});
