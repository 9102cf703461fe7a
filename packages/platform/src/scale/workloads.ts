/**
 * The workloads of docs/scale.md, each for any number of connections, and where a limit is reached first.
 *
 * Pure. Invariant: a workload grows with its connections alone, so that two columns of a table differ in
 * nothing else.
 */
import { LOAD_BALANCER } from "../limits/load-balancer.js";
import { REDIS } from "../limits/redis.js";
import { mostInstances, portsNeeded } from "../ports.js";
import { NODE_SHARE, predict, type RedisCopies, type ScaleInput, type ScalePrediction } from "./model.js";

export interface Workload {
  readonly name: string;
  /** One sentence. */
  readonly what: string;
  input(connections: number, copies: RedisCopies): ScaleInput;
}

/** Members of a room. */
const ROOM = 100;
const COMMON = Object.freeze({
  channelsPerConnection: 1,
  publicationBytes: 200,
  commandsPerConnection: 0,
  pingIntervalSeconds: 25,
  instanceType: "m8g.4xlarge",
});

export const WORKLOADS: readonly Workload[] = Object.freeze([
  {
    name: "quiet",
    what: "pings every 25 s and nothing else; each connection comes anew once an hour, as in all of these",
    input: (connections, copies) => ({ ...base(connections, copies), publicationsPerSecond: 0 }),
  },
  {
    name: "rooms",
    what: `each connection in one room of ${ROOM}, a publication of 200 bytes to each room every ten seconds`,
    input: (connections, copies) => ({
      ...base(connections, copies),
      publicationsPerSecond: connections / ROOM / 10,
    }),
  },
  {
    name: "feeds",
    what: `as many channels, with subscribers by Zipf's law (exponent 1); ten publications a second in all, more of them to large channels`,
    input: (connections, copies) => ({
      ...base(connections, copies),
      distribution: { kind: "zipf", exponent: 1 },
      publishedTo: "by-subscribers",
      publicationsPerSecond: 10,
    }),
  },
  {
    name: "announcements",
    what: "one publication to all every minute",
    input: (connections, copies) => ({
      ...base(connections, copies),
      distribution: { kind: "broadcast" },
      publicationsPerSecond: 1 / 60,
    }),
  },
]);

function base(connections: number, copies: RedisCopies): Omit<ScaleInput, "publicationsPerSecond"> {
  return {
    ...COMMON,
    connections,
    channels: Math.max(1, Math.round(connections / ROOM)),
    distribution: { kind: "uniform" },
    publishedTo: "evenly",
    newPerSecond: connections / 3_600,
    copies,
  };
}

/** A limit of the design, and what is changed there. */
export interface DesignLimit {
  readonly name: string;
  readonly change: string;
  isReached(prediction: ScalePrediction): boolean;
}

export const DESIGN_LIMITS: readonly DesignLimit[] = Object.freeze([
  {
    name: "connections to one Redis node (`redis.maxclients`)",
    change: "fewer and larger instances, or clusters of their own (cells)",
    isReached: ({ redis }) => redis.connections > REDIS.maxclients.value,
  },
  {
    name: "commands a second of one Redis primary (`redis.ops-per-second`)",
    change: "Redis Cluster: channels are spread over shards by their slot",
    isReached: ({ redis }) => redis.commandsPerSecond > REDIS.opsPerSecond.value,
  },
  {
    name: "copies of publications that one Redis node hands out (`redis.copies-per-second`)",
    change: "a copy for each instance in place of each worker; then shards",
    isReached: ({ redis }) => redis.messagesPerSecond > REDIS.copiesPerSecond.value,
  },
  {
    name: "bandwidth of the largest Redis node in the table",
    change: "sharded pub/sub: a publication leaves the shard of its channel alone",
    isReached: ({ redis }) => redis.bytesPerSecond > redis.node.bytesPerSecond * NODE_SHARE,
  },
  {
    name: `targets of one network load balancer (\`${LOAD_BALANCER.nlbTargetsPerZone.id}\`)`,
    change: "several load balancers behind one name, each with instances of its own",
    isReached: ({ instances, connectionsPerInstance }) =>
      instances >
      mostInstances({ kind: "nlb", ports: portsNeeded(connectionsPerInstance), crossZone: false, zones: 3 }),
  },
]);

/** Steps of the search. */
const FACTOR = 1.05;
const FROM = 10_000;
const UNTIL = 1_000_000_000;

/** Connections at which the limit is reached, to two digits; undefined: not below a thousand million. */
export function reachedAt(limit: DesignLimit, workload: Workload, copies: RedisCopies): number | undefined {
  for (let connections = FROM; connections <= UNTIL; connections = Math.ceil(connections * FACTOR)) {
    if (limit.isReached(predict(workload.input(connections, copies)))) {
      return Number(connections.toPrecision(2));
    }
  }
  return undefined;
}
