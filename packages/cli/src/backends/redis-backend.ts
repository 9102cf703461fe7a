/**
 * The backend on Redis: it joins the workers of many instances, and lives as long as that Redis.
 *
 * The primary and each worker have connections of their own, so the primary serves nothing to its workers.
 */
import {
  type BackendDescription,
  type Logger,
  type Metrics,
  noMetrics,
  type SubscriptionSharing,
  systemClock,
  type Tracing,
} from "@holdfast/core";
import type { WorkerBroker } from "@holdfast/gateway";
import {
  describeTarget,
  parseRedisUrl,
  type RedisTarget,
  type RetentionOf,
  SeamsOnRedis,
} from "@holdfast/redis";
import type { CompleteSettings } from "../config/complete.js";
import { Failure } from "../failure.js";
import type { GatewayBackend, PrimaryBackend } from "./gateway-backend.js";

export interface RedisBackendParts {
  readonly logger: Logger;
  /** What is kept of a channel's past. */
  readonly retention: RetentionOf;
  /** Where spans of the ingest stream go; undefined: there are none. */
  readonly tracing?: Tracing | undefined;
}

export class RedisBackend implements GatewayBackend {
  readonly #target: RedisTarget;
  readonly #settings: CompleteSettings;
  readonly #parts: RedisBackendParts;

  /** Throws a `Failure` where the URL is not one of Redis, which the checks of the settings find before. */
  constructor(url: string, settings: CompleteSettings, parts: RedisBackendParts) {
    const target = parseRedisUrl(url);
    if ("problem" in target) throw new Failure(`redis ${target.problem}`, 2);
    this.#target = target;
    this.#settings = settings;
    this.#parts = parts;
  }

  describe(): BackendDescription {
    const name = describeTarget(this.#target);
    return { name, phrase: `broker ${name}` };
  }

  primary(): PrimaryBackend {
    const redis = this.#connect(noMetrics);
    return {
      broker: redis.broker,
      bus: undefined,
      presence: redis.presence(),
      revocations: redis.revocations(),
      loads: redis.loads(),
      seams: {},
    };
  }

  worker(metrics: Metrics, sharing?: SubscriptionSharing): WorkerBroker {
    const { events, eventsMaxLength: maxLength, eventsMaxBytes: maxBytes } = this.#settings;
    const redis = this.#connect(metrics, sharing);
    return {
      broker: redis.broker,
      sharedSecret: () => redis.sharedSecret(),
      ingest: redis.ingest(this.#parts.retention),
      directory: redis.directory(),
      presence: redis.presence(events ? maxLength : undefined),
      revocations: redis.revocations(),
      events: events ? redis.events({ maxLength, maxBytes }) : undefined,
    };
  }

  #connect(metrics: Metrics, sharing?: SubscriptionSharing): SeamsOnRedis {
    const {
      redisPrefix: prefix,
      redisSharded: sharded,
      maxPublicationBytes,
      maxRevocations,
    } = this.#settings;
    const { logger, tracing } = this.#parts;
    const seams = { clock: systemClock, logger, metrics, tracing, random: Math.random };
    const options = { target: this.#target, prefix, sharded, maxPublicationBytes, maxRevocations };
    return new SeamsOnRedis(options, seams, sharing);
  }
}
