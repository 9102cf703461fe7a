/**
 * A survey: a walk over all connections and topics of a worker, for figures that the worker does not keep:
 * bytes that wait, the slowest connections, the busiest channels, the sessions with most channels.
 *
 * Invariant: surveys take at most `share` of the worker's time, however often operators ask. An answer in
 * between is the last survey, which says when it was made.
 */
import { channelOf } from "../broker/topic.js";
import type { Connection } from "../connection/connection.js";
import type { Outbox } from "../delivery/outbox.js";
import type { TopicState } from "../hub/topic-state.js";
import type { Clock } from "../runtime/clock.js";
import { bySlowness, type SlowConnection, slowest } from "./slowest.js";

export interface BusyChannel {
  readonly channel: string;
  readonly subscribers: number;
  /** Publications a second since the last survey. */
  readonly rate: number;
}

/** A session and how many channels it holds. */
export interface WideSession {
  readonly session: string;
  readonly user?: string;
  readonly channels: number;
}

export interface Survey {
  /** When it was made, ms since 1970; 0 where no worker answered. */
  readonly at: number;
  /** Bytes that wait for all connections together. */
  readonly outboxBytes: number;
  /** Connections for which bytes wait. */
  readonly waiting: number;
  readonly slowest: readonly SlowConnection[];
  /** The busiest channels first. */
  readonly busiest: readonly BusyChannel[];
  /** The sessions that hold most channels: a client that leaks them is one. */
  readonly widest: readonly WideSession[];
}

/** What is surveyed. */
export interface Surveyed {
  connections(): Iterable<Connection>;
  topicStates(): Iterable<TopicState>;
  readonly outbox: Outbox;
}

/** Not more often than that, ms. */
const MIN_INTERVAL_MS = 1_000;
/** Connections and channels that are named. */
const NAMED = 20;

export class Surveys {
  readonly #surveyed: Surveyed;
  readonly #clock: Pick<Clock, "now" | "monotonic">;
  readonly #share: number;
  #last: Survey | undefined;
  #lastBegan = Number.NEGATIVE_INFINITY;
  /** The next one begins then at the earliest, monotonic ms. */
  #dueAt = Number.NEGATIVE_INFINITY;

  /** `share`: of the worker's time, 0.005 for 0.5 % of a core. */
  constructor(surveyed: Surveyed, clock: Pick<Clock, "now" | "monotonic">, share: number) {
    this.#surveyed = surveyed;
    this.#share = share;
    this.#clock = clock;
  }

  /** A new survey if one is due, or the last. */
  take(): Survey {
    const began = this.#clock.monotonic();
    if (this.#last !== undefined && began < this.#dueAt) return this.#last;
    const survey = this.#make(began);
    this.#last = survey;
    this.#lastBegan = began;
    const cost = this.#clock.monotonic() - began;
    this.#dueAt = began + Math.max(MIN_INTERVAL_MS, cost / this.#share);
    return survey;
  }

  #make(began: number): Survey {
    let outboxBytes = 0;
    let waiting = 0;
    const widest: Connection[] = [];
    for (const connection of this.#surveyed.connections()) {
      addWide(widest, connection);
      const bytes = connection.transport.bufferedBytes;
      if (bytes === 0) continue;
      outboxBytes += bytes;
      waiting++;
    }
    return {
      at: this.#clock.now(),
      outboxBytes,
      waiting,
      slowest: slowest(this.#surveyed.connections(), this.#surveyed.outbox, NAMED),
      busiest: this.#busiest((began - this.#lastBegan) / 1000),
      widest: widest.flatMap(wideSession),
    };
  }

  #busiest(seconds: number): readonly BusyChannel[] {
    const busiest: BusyChannel[] = [];
    for (const topicState of this.#surveyed.topicStates()) {
      const channel = channelOf(topicState.topic);
      const count = topicState.takePublications();
      if (channel === undefined || count === 0) continue;
      const rate = Number.isFinite(seconds) ? count / seconds : 0;
      if (busiest.length === NAMED && rate <= (busiest.at(-1)?.rate ?? 0)) continue;
      busiest.push({ channel, subscribers: topicState.listeners.size, rate });
      busiest.sort((a, b) => b.rate - a.rate);
      if (busiest.length > NAMED) busiest.pop();
    }
    return busiest;
  }
}

/** Keeps the widest few, the widest first. */
function addWide(widest: Connection[], connection: Connection): void {
  const channels = channelsOf(connection);
  if (channels === 0) return;
  const last = widest.at(-1);
  if (widest.length === NAMED && last !== undefined && channels <= channelsOf(last)) return;
  const place = widest.findIndex((each) => channelsOf(each) < channels);
  widest.splice(place === -1 ? widest.length : place, 0, connection);
  if (widest.length > NAMED) widest.pop();
}

function channelsOf({ session }: Connection): number {
  return session?.channels ?? 0;
}

function wideSession({ id, session }: Connection): WideSession[] {
  if (session === undefined) return [];
  const { user, channels } = session;
  return [{ session: id, ...(user !== undefined && { user }), channels }];
}

/** Surveys of several workers as one: their figures are added, the slowest and busiest of all are named. */
export function mergeSurveys(surveys: readonly Survey[]): Survey {
  const busiest = new Map<string, BusyChannel>();
  for (const each of surveys.flatMap((survey) => survey.busiest)) {
    const known = busiest.get(each.channel);
    const subscribers = (known?.subscribers ?? 0) + each.subscribers;
    // Each worker hears a publication once: the rate is no sum.
    busiest.set(each.channel, { ...each, subscribers, rate: Math.max(known?.rate ?? 0, each.rate) });
  }
  return {
    at: surveys.length === 0 ? 0 : Math.min(...surveys.map(({ at }) => at)),
    outboxBytes: surveys.reduce((sum, each) => sum + each.outboxBytes, 0),
    waiting: surveys.reduce((sum, each) => sum + each.waiting, 0),
    slowest: surveys
      .flatMap((survey) => survey.slowest)
      .sort(bySlowness)
      .slice(0, NAMED),
    busiest: [...busiest.values()].sort((a, b) => b.rate - a.rate).slice(0, NAMED),
    widest: surveys
      .flatMap(({ widest }) => widest)
      .sort((a, b) => b.channels - a.channels)
      .slice(0, NAMED),
  };
}
