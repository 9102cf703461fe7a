/**
 * What the Redis broker can be told, with every default in one place.
 *
 * Values arrive checked (the cli's schema, or the compiler): this package only completes them.
 */
import { type Clock, CORE_DEFAULTS, type Logger, type Metrics, type Tracing } from "@holdfast/core";
import type { RedisTarget } from "./target.js";

/** Whether channels of a Redis Cluster are sharded: `auto` where all its servers and listeners can. */
export type ShardedSetting = "auto" | "on" | "off";

export interface RedisOptions {
  /** Where Redis is: `parseRedisUrl` makes one. */
  readonly target: RedisTarget;
  /** What every name in Redis starts with. Default "holdfast:". */
  readonly prefix: string;
  /** Sharded pub/sub, for a Redis Cluster (sharded/sharding.ts). Default "auto". */
  readonly sharded: ShardedSetting;
  /** How long one command, or one address while connecting, may take, ms. Default 5_000. */
  readonly commandTimeoutMs: number;
  /** How often each connection is asked for a sign of life, ms. Default 5_000. */
  readonly pingIntervalMs: number;
  /** How often the servers are asked whether they are masters still, ms. Default 2_000. */
  readonly roleIntervalMs: number;
  /** Lower bound of the delay before connecting again, ms. Default 100. */
  readonly minRetryDelayMs: number;
  /** Upper bound of the delay before connecting again, ms. Default 5_000. */
  readonly maxRetryDelayMs: number;
  /** Bytes of one publication; a larger one is dropped on arrival. Default 1 MiB. */
  readonly maxPublicationBytes: number;
  /**
   * Bytes of publications and questions that may wait for Redis to take them; more are refused. Default 16
   * MiB.
   */
  readonly maxPendingBytes: number;
  /**
   * Events for backends that a worker keeps until Redis takes them; beyond it the oldest go. Default 10_000.
   */
  readonly maxQueuedEvents: number;
  /** Likewise, as bytes of their values. Default 8 MiB. */
  readonly maxQueuedEventBytes: number;
  /** Revocations of the cluster that are kept at once. Default 100_000. */
  readonly maxRevocations: number;
  /** Topics in one SUBSCRIBE or UNSUBSCRIBE: Redis serves no other client meanwhile. Default 1_000. */
  readonly maxTopicsPerCommand: number;
}

export const REDIS_DEFAULTS: Omit<RedisOptions, "target"> = Object.freeze({
  prefix: "holdfast:",
  sharded: "auto",
  commandTimeoutMs: 5000,
  pingIntervalMs: 5000,
  roleIntervalMs: 2000,
  minRetryDelayMs: 100,
  maxRetryDelayMs: 5000,
  maxPublicationBytes: CORE_DEFAULTS.maxPublicationBytes,
  maxPendingBytes: 16 * 1024 * 1024,
  maxQueuedEvents: 10_000,
  maxQueuedEventBytes: 8 * 1024 * 1024,
  maxRevocations: 100_000,
  maxTopicsPerCommand: 1000,
});

/** What the package needs from its surroundings. */
export interface RedisSeams {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Where spans of the ingest stream go; undefined: there are none. */
  readonly tracing?: Tracing | undefined;
  /** Uniform in [0, 1): the jitter of delays and the choice among equal servers. */
  readonly random: () => number;
}
