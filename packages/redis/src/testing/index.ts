/**
 * Real Redis servers for tests. Not for production code.
 */
export { age } from "./aging.js";
export { RedisCluster } from "./redis-cluster.js";
export { RedisSentinel } from "./redis-sentinel.js";
export { freePort, RedisServer, type RedisServerOptions } from "./redis-server.js";
export { RunCaller } from "./run-caller.js";
