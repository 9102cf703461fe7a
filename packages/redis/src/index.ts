/**
 * Holdfast on Redis and Valkey: core's seams on ioredis.
 */
export { RedisBroker } from "./broker.js";
export { RedisDirectory } from "./directory.js";
export { EventStream } from "./event-stream.js";
export { Ingest, type RetentionOf } from "./ingest.js";
export { REDIS_DEFAULTS, type RedisOptions, type RedisSeams } from "./options.js";
export { refusalIn } from "./connection/reason.js";
export {
  describeTarget,
  parseRedisUrl,
  type RedisAccess,
  type RedisAddress,
  type RedisTarget,
} from "./target.js";
