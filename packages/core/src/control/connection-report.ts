/**
 * A connection report: what a worker knows of one session, for the operator who looks at one client.
 *
 * Made when an operator asks; a connection holds nothing for it.
 */
import type { Position } from "@holdfast/protocol";
import { channelOf } from "../broker/topic.js";
import type { Connection } from "../connection/connection.js";
import type { Outbox, OutboxFill } from "../delivery/outbox.js";
import { lastHeard } from "../history/stream-reader.js";
import type { Subscription } from "../hub/subscription.js";
import { TICK_MS } from "../runtime/ticker.js";

export interface SubscriptionReport {
  readonly channel: string;
  /** Where the client stands once it has read what waits for it; with history only. */
  readonly position?: Position;
  readonly hasPresence: boolean;
  /** What becomes of publications for which it has no room. */
  readonly slowPolicy: string;
  /** Publications that it was not sent and not told of yet; 0 where it keeps up. */
  readonly skipped: number;
}

export interface ConnectionReport {
  /** Its session id. */
  readonly session: string;
  readonly user?: string;
  /** Where its client comes from, as limits count it; left out where that is not known. */
  readonly address?: string;
  /** When its token expires, ms since 1970. */
  readonly expiresAt?: number;
  /** Its codec. */
  readonly codec: string;
  /** Whether it may come back as this session. */
  readonly resumable: boolean;
  /** For how long nothing came from the client, ms. */
  readonly silentMs: number;
  readonly outbox: OutboxFill;
  readonly subscriptions: readonly SubscriptionReport[];
  /** How many more there are. */
  readonly moreSubscriptions: number;
}

/** Which connections a report is asked for: of one session, or of one user. */
export interface ReportQuery {
  readonly session?: string | undefined;
  readonly user?: string | undefined;
  /** That channel comes first among the subscriptions. */
  readonly channel?: string | undefined;
  readonly limit: number;
}

const MAX_SUBSCRIPTIONS = 100;

/** The reports of the connections that are meant, at most `limit`. Looks at all connections. */
export function connectionReports(
  all: Iterable<Connection>,
  outbox: Outbox,
  tick: number,
  { session, user, channel, limit }: ReportQuery,
): ConnectionReport[] {
  const reports: ConnectionReport[] = [];
  for (const connection of all) {
    if (reports.length >= limit) break;
    if (connection.session === undefined) continue;
    if (session !== undefined && connection.id !== session) continue;
    if (user !== undefined && connection.session.user !== user) continue;
    reports.push(reportOf(connection, connection.session, outbox, tick, channel));
  }
  return reports;
}

function reportOf(
  connection: Connection,
  session: NonNullable<Connection["session"]>,
  outbox: Outbox,
  tick: number,
  channel: string | undefined,
): ConnectionReport {
  const { user, expiresAt } = session.identity;
  const address = connection.transport.clientAddress?.();
  const subscriptions = session.subscriptions.flatMap(subscriptionReport);
  if (channel !== undefined)
    subscriptions.sort((a, b) => Number(b.channel === channel) - Number(a.channel === channel));
  return {
    session: connection.id,
    ...(user !== undefined && { user }),
    ...(address !== undefined && { address }),
    ...(expiresAt !== undefined && { expiresAt }),
    codec: connection.codec.name,
    resumable: session.resumable,
    silentMs: (tick - connection.seenTick) * TICK_MS,
    outbox: outbox.waiting(connection.transport, connection.backlog),
    subscriptions: subscriptions.slice(0, MAX_SUBSCRIPTIONS),
    moreSubscriptions: Math.max(0, subscriptions.length - MAX_SUBSCRIPTIONS),
  };
}

function subscriptionReport({ topic, topicState, behind }: Subscription): SubscriptionReport[] {
  const channel = channelOf(topic);
  if (channel === undefined) return [];
  const position = lastHeard(topicState);
  return [
    {
      channel,
      ...(position !== undefined && { position }),
      hasPresence: topicState.presence !== undefined,
      slowPolicy: topicState.slowConsumer.policy,
      skipped: behind?.skipped ?? 0,
    },
  ];
}
