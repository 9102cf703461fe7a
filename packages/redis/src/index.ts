/**
 * Holdfast on Redis and Valkey: core's seams on ioredis.
 */
export { RedisBroker } from "./broker.js";
export { RedisConnection } from "./connection/connection.js";
export type { ScriptHost } from "./connection/script-host.js";
export { RedisDirectory } from "./instances/directory.js";
export { EventStream } from "./event-stream.js";
export { Ingest, type RetentionOf } from "./ingest.js";
export { REDIS_DEFAULTS, type RedisOptions, type RedisSeams } from "./options.js";
export { type InspectorOptions, RedisInspector } from "./inspector.js";
export { refusalIn } from "./connection/reason.js";
export { PlacedSeams, type RedisPlaces } from "./placement/placed-seams.js";
export { SeamsOnRedis } from "./seams-on-redis.js";
export {
  describeTarget,
  parseRedisUrl,
  type RedisAccess,
  type RedisAddress,
  type RedisTarget,
} from "./target.js";
