/**
 * The slowest connections of a worker, for operators: found by looking at all of them when an operator asks,
 * so that it costs nothing otherwise. A million connections take about a tenth of a second.
 */

import { channelOf } from "../broker/topic.js";
import type { Connection } from "../connection/connection.js";
import type { Outbox, OutboxFill } from "../delivery/outbox.js";

export interface SlowConnection extends OutboxFill {
  /** Its session id. */
  readonly id: string;
  readonly user: string | undefined;
  /** Publications that it has not been sent and not been told of yet. */
  readonly skipped: number;
  /** The channels on which it is behind, a few of them. */
  readonly behind: readonly string[];
}

/** Channels named for one connection. */
const MAX_NAMED = 10;

/** The fullest outboxes first, then those that missed most. At most `limit`. */
export function slowest(connections: Iterable<Connection>, outbox: Outbox, limit: number): SlowConnection[] {
  let found: SlowConnection[] = [];
  for (const connection of connections) {
    const slow = slowness(connection, outbox);
    if (slow !== undefined) found.push(slow);
    // Cut now and then: in a storm every connection is a candidate.
    if (found.length >= 2 * limit + 1000) found = found.sort(bySlowness).slice(0, limit);
  }
  return found.sort(bySlowness).slice(0, limit);
}

/** Also for lists of several workers. */
export function bySlowness(a: SlowConnection, b: SlowConnection): number {
  return b.fill - a.fill || b.skipped - a.skipped;
}

/** Undefined when nothing waits for it. */
function slowness(connection: Connection, outbox: Outbox): SlowConnection | undefined {
  const { id, session } = connection;
  const waiting = outbox.waiting(connection.transport, connection.backlog);
  const behind = session?.subscriptions.filter((each) => each.behind !== undefined) ?? [];
  if (waiting.bytes === 0 && behind.length === 0) return undefined;
  return {
    id,
    user: session?.user,
    ...waiting,
    skipped: behind.reduce((sum, each) => sum + (each.behind?.skipped ?? 0), 0),
    behind: behind.slice(0, MAX_NAMED).map(({ topic }) => channelOf(topic) ?? topic),
  };
}
