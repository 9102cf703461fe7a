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
  PlacedSeams,
  parseRedisUrl,
  type RedisPlaces,
  type RedisTarget,
  type RetentionOf,
} from "@holdfast/redis";
import type { RedisUrls } from "../config/backend-choice.js";
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
  readonly #places: RedisPlaces;
  readonly #settings: CompleteSettings;
  readonly #parts: RedisBackendParts;

  /** Throws a `Failure` where a URL is not one of Redis, which the checks of the settings find before. */
  constructor(urls: RedisUrls, settings: CompleteSettings, parts: RedisBackendParts) {
    const { redis, redisHistory: history, redisPresence: presence } = urls;
    this.#places = {
      target: targetOf("redis", redis),
      history: history === undefined ? undefined : targetOf("redisHistory", history),
      presence: presence === undefined ? undefined : targetOf("redisPresence", presence),
    };
    this.#settings = settings;
    this.#parts = parts;
  }

  describe(): BackendDescription {
    const { target, history, presence } = this.#places;
    const name = [
      describeTarget(target),
      ...(history === undefined ? [] : [`history ${describeTarget(history)}`]),
      ...(presence === undefined ? [] : [`presence ${describeTarget(presence)}`]),
    ].join(", ");
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
      ingest: redis.ingest(),
      directory: redis.directory(),
      presence: redis.presence(events ? maxLength : undefined),
      revocations: redis.revocations(),
      events: events ? redis.events({ maxLength, maxBytes }) : undefined,
    };
  }

  #connect(metrics: Metrics, sharing?: SubscriptionSharing): PlacedSeams {
    const {
      redisPrefix: prefix,
      redisSharded: sharded,
      maxPublicationBytes,
      maxRevocations,
    } = this.#settings;
    const { logger, retention, tracing } = this.#parts;
    const seams = { clock: systemClock, logger, metrics, tracing, random: Math.random };
    const options = { prefix, sharded, maxPublicationBytes, maxRevocations };
    return new PlacedSeams(this.#places, options, seams, retention, sharing);
  }
}

function targetOf(key: string, url: string): RedisTarget {
  const target = parseRedisUrl(url);
  if ("problem" in target) throw new Failure(`${key} ${target.problem}`, 2);
  return target;
}
