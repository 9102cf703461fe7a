/**
 * What a worker tells operators of its channels and connections: found by looking at all of them when
 * an operator asks, so that it costs nothing otherwise. A million take some tenths of a second.
 *
 * In pages by name: each worker gives the first `limit` behind `after`, and the first of all of them together
 * are the page.
 */

import { channelOf } from "../broker/topic.js";
import type { Connection } from "../connection/connection.js";
import type { TopicState } from "../hub/topic-state.js";

export interface ChannelCount {
  readonly channel: string;
  readonly subscribers: number;
}

export interface ConnectionFacts {
  /** Its session id. */
  readonly session: string;
  readonly user?: string;
  /** Where its client comes from, as limits count it; left out where that is not known. */
  readonly address?: string;
  /** When its token expires, ms since 1970. */
  readonly expiresAt?: number;
  readonly subscriptions: number;
  /** Some of its channels. */
  readonly channels: readonly string[];
}

export interface ChannelsQuery {
  readonly prefix: string;
  readonly after: string;
  readonly limit: number;
}

export interface ConnectionsQuery {
  /** Undefined: of every user. */
  readonly user?: string | undefined;
  readonly after: string;
  readonly limit: number;
}

/** Channels named for one connection. */
const MAX_NAMED = 10;
/** Candidates beyond the limit before they are sorted and cut. */
const SLACK = 1000;

export function channels(
  topicStates: Iterable<TopicState>,
  { prefix, after, limit }: ChannelsQuery,
): ChannelCount[] {
  const found = new FirstByName<ChannelCount>(limit, ({ channel }) => channel);
  for (const { topic, listeners } of topicStates) {
    const channel = channelOf(topic);
    if (channel === undefined || listeners.size === 0 || channel <= after || !channel.startsWith(prefix))
      continue;
    found.add({ channel, subscribers: listeners.size });
  }
  return found.take();
}

export function connections(
  all: Iterable<Connection>,
  { user, after, limit }: ConnectionsQuery,
): ConnectionFacts[] {
  const isMeant = ({ id, session }: Connection): boolean =>
    id > after && (user === undefined || session?.user === user);
  return firstConnections(all, isMeant, limit);
}

/** The first by id of those that are connected and meant. */
export function firstConnections(
  all: Iterable<Connection>,
  isMeant: (connection: Connection) => boolean,
  limit: number,
): ConnectionFacts[] {
  const found = new FirstByName<Connection>(limit, ({ id }) => id);
  for (const connection of all)
    if (connection.session !== undefined && isMeant(connection)) found.add(connection);
  return found.take().flatMap(factsOf);
}

/** The pages of several workers as one: counts of the same channel are added. */
export function mergeChannels(lists: readonly (readonly ChannelCount[])[], limit: number): ChannelCount[] {
  const sums = new Map<string, number>();
  for (const { channel, subscribers } of lists.flat())
    sums.set(channel, (sums.get(channel) ?? 0) + subscribers);
  const merged = [...sums].map(([channel, subscribers]) => ({ channel, subscribers }));
  return merged.sort((a, b) => compare(a.channel, b.channel)).slice(0, limit);
}

export function mergeConnections(
  lists: readonly (readonly ConnectionFacts[])[],
  limit: number,
): ConnectionFacts[] {
  return lists
    .flat()
    .sort((a, b) => compare(a.session, b.session))
    .slice(0, limit);
}

function factsOf({ id, session, transport }: Connection): ConnectionFacts[] {
  if (session === undefined) return [];
  const { user, expiresAt } = session.identity;
  const address = transport.clientAddress?.();
  const named = session.subscriptions.flatMap(({ topic }) => channelOf(topic) ?? []);
  return [
    {
      session: id,
      ...(user !== undefined && { user }),
      ...(address !== undefined && { address }),
      ...(expiresAt !== undefined && { expiresAt }),
      subscriptions: session.channels,
      channels: named.slice(0, MAX_NAMED),
    },
  ];
}

/** The first by name of any number, holding little more than that many. */
class FirstByName<Entry> {
  readonly #limit: number;
  readonly #nameOf: (entry: Entry) => string;
  #entries: Entry[] = [];

  constructor(limit: number, nameOf: (entry: Entry) => string) {
    this.#limit = limit;
    this.#nameOf = nameOf;
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
    if (this.#entries.length >= 2 * this.#limit + SLACK) this.#entries = this.take();
  }

  take(): Entry[] {
    return this.#entries.sort((a, b) => compare(this.#nameOf(a), this.#nameOf(b))).slice(0, this.#limit);
  }
}

/** By code units, as `<` has it: the same everywhere. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
