/**
 * How many connections an instance can hold, by the open-files limit of its workers, and how many its
 * primary.
 *
 * A connection is one descriptor of its worker. Sockets are spread by load, so a worker may hold more than
 * its even share; sessions that come back to their owner skew it further.
 * Invariant: `connectionsFor` and `openFilesFor` agree: what the one allows, the other does not refuse.
 */

/** Room for an uneven spread, as a factor on the even share. One worker has everything: nothing to spread. */
export function spread(workers: number): number {
  return workers === 1 ? 1 : 1.25;
}

/** Descriptors that a worker needs besides connections: pipes, Redis, modules, logs. */
const RESERVE = 256;

/** Beyond it `maxConnections` has to be said: memory decides there, not descriptors. */
export const MAX_AUTO_CONNECTIONS = 1_000_000;

/** Below it a start warns that the limit is the machine's default rather than a choice. */
export const FEW_CONNECTIONS = 10_000;

/** Connections that `workers` processes with `openFiles` descriptors each can hold, at least 1. */
export function connectionsFor(openFiles: number, workers: number): number {
  const fits = Math.floor((Math.max(0, openFiles - RESERVE) * workers) / spread(workers));
  return Math.min(Math.max(1, fits), MAX_AUTO_CONNECTIONS);
}

/** Descriptors that each of `workers` processes needs for `connections`. */
export function openFilesFor(connections: number, workers: number): number {
  return Math.ceil((connections * spread(workers)) / workers) + RESERVE;
}

/**
 * Sockets that a storm may leave in the primary's hands: nine tenths of its descriptors, the rest is on its
 * way on. A SYN for which there is no room costs its client a second (docs/adr/0003-front-door.md).
 */
const PENDING_SHARE = 0.9;
/** Two seconds of handshakes of two cores; beyond it one would wait longer than many clients do. */
const MAX_AUTO_PENDING = 32_768;
const MIN_PENDING = 16;

/** Sockets that a primary with `openFiles` descriptors may hold between accept and worker. */
export function pendingFor(openFiles: number): number {
  const fits = Math.floor(Math.max(0, openFiles - RESERVE) * PENDING_SHARE);
  return Math.min(Math.max(MIN_PENDING, fits), MAX_AUTO_PENDING);
}
