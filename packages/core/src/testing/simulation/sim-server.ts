/**
 * The simulated broker's server: logs, keys and subscriptions, as broker.ts promises them, and its own
 * misfortunes: it fails over to a replica that lags, or begins anew without data.
 *
 * Each operation is one atomic step. `flaw` breaks a promise on purpose, so that tests can show that the
 * checker notices.
 */
import type { Data, Position } from "@holdfast/protocol";
import {
  type BrokerPublishOptions,
  KEY_WINDOW_MS,
  type LogPage,
  type LogQuery,
  PAGE_BYTES,
  type Retention,
} from "../../broker/broker.js";
import { channelTopic, type Topic } from "../../broker/topic.js";
import { Lives } from "./lives.js";
import type { Random } from "./random.js";
import type { Schedule } from "./schedule.js";
import { type PresenceFlaw, SimPresence } from "./sim-presence.js";

/** A promise of the seam that is broken. */
export type Flaw =
  /** After a failover the old epoch goes on, though its end was lost. */
  | "same-epoch"
  /** The lineage says that nothing was lost. */
  | "false-lineage"
  /** Now and then an offset is left out. */
  | "hole"
  /** Now and then a page leaves out an entry in its middle. */
  | "holey-page"
  /** A repeated key is published again. */
  | "no-keys";

export interface Subscriber {
  deliver(topic: Topic, data: Data, position: Position | undefined): void;
}

interface Log {
  epoch: string;
  offset: number;
  entries: { readonly offset: number; readonly data: Data; readonly at: number }[];
  lineage: Position[];
  readonly keys: Map<string, { readonly position: Position; readonly until: number }>;
}

export class SimServer {
  readonly presence: SimPresence;
  readonly #schedule: Schedule;
  readonly #random: Random;
  readonly #flaw: Flaw | PresenceFlaw | undefined;
  readonly #maxLineage: number;
  readonly #logs = new Map<Topic, Log>();
  readonly #lives = new Map<Topic, Lives>();
  readonly #subscribers = new Map<Topic, Set<Subscriber>>();
  #epochs = 0;

  /** `maxLineage`: earlier epochs that it remembers. */
  constructor(schedule: Schedule, random: Random, maxLineage: number, flaw?: Flaw | PresenceFlaw) {
    this.#schedule = schedule;
    this.#random = random;
    this.#maxLineage = maxLineage;
    this.#flaw = flaw;
    const deliver = (topic: Topic, news: string): void => this.#deliver(topic, news, undefined);
    this.presence = new SimPresence(schedule, random, deliver, flaw);
  }

  /** The truth about a channel. */
  lives(channel: string): Lives {
    const topic = channelTopic(channel);
    const known = this.#lives.get(topic);
    if (known !== undefined) return known;
    const lives = new Lives();
    this.#lives.set(topic, lives);
    return lives;
  }

  subscribe(topic: Topic, subscriber: Subscriber): void {
    const subscribers = this.#subscribers.get(topic);
    if (subscribers === undefined) this.#subscribers.set(topic, new Set([subscriber]));
    else subscribers.add(subscriber);
  }

  unsubscribe(topic: Topic, subscriber: Subscriber): void {
    this.#subscribers.get(topic)?.delete(subscriber);
  }

  /** The subscriber's link has ended. */
  drop(subscriber: Subscriber): void {
    for (const subscribers of this.#subscribers.values()) subscribers.delete(subscriber);
  }

  publish(topic: Topic, data: Data, { retention, key }: BrokerPublishOptions): Position | undefined {
    if (retention === undefined) {
      this.#deliver(topic, data, undefined);
      return undefined;
    }
    const log = this.#log(topic);
    const used = key === undefined ? undefined : log.keys.get(key);
    if (used !== undefined && used.until > this.#schedule.now && this.#flaw !== "no-keys")
      return used.position;
    if (this.#flaw === "hole" && this.#random.chance(0.05)) log.offset++;
    const position = { offset: ++log.offset, epoch: log.epoch };
    log.entries.push({ offset: log.offset, data, at: this.#schedule.now });
    this.#livesOf(topic).append(log.epoch, log.offset, data);
    if (key !== undefined) log.keys.set(key, { position, until: this.#schedule.now + KEY_WINDOW_MS });
    this.#trim(log, retention);
    this.#deliver(topic, data, position);
    return position;
  }

  read(topic: Topic, { from, limit, reverse = false, maxBytes = PAGE_BYTES, retention }: LogQuery): LogPage {
    const log = this.#log(topic);
    this.#trim(log, retention);
    const found = reverse
      ? log.entries.filter(({ offset }) => offset <= from).reverse()
      : log.entries.filter(({ offset }) => offset >= from);
    const entries: { offset: number; data: Data }[] = [];
    let bytes = 0;
    for (const { offset, data } of found.slice(0, limit)) {
      bytes += Buffer.byteLength(data);
      if (entries.length > 0 && bytes > maxBytes) break;
      entries.push({ offset, data });
    }
    if (this.#flaw === "holey-page" && entries.length > 2) entries.splice(1, 1);
    return {
      entries,
      top: { offset: log.offset, epoch: log.epoch },
      oldest: log.entries[0]?.offset ?? log.offset + 1,
      lineage: [...log.lineage],
    };
  }

  /** A replica takes over, which had not received the last publications of each log: at most so many. */
  failOver(maxLost: number): void {
    for (const [topic, log] of this.#logs) {
      const lost = Math.min(log.entries.length, this.#random.int(0, maxLost));
      const end = log.offset - lost;
      log.entries.splice(log.entries.length - lost, lost);
      for (const [key, { position }] of log.keys) if (position.offset > end) log.keys.delete(key);
      const last = { epoch: log.epoch, offset: log.offset };
      log.offset = end;
      if (this.#flaw === "same-epoch") continue;
      log.epoch = `e${++this.#epochs}`;
      this.#livesOf(topic).begin(log.epoch, { epoch: last.epoch, offset: end });
      const shared = this.#flaw === "false-lineage" ? last : { epoch: last.epoch, offset: end };
      log.lineage = [
        shared,
        ...log.lineage.map(({ epoch, offset }) => ({ epoch, offset: Math.min(offset, shared.offset) })),
      ].slice(0, this.#maxLineage);
    }
  }

  /** All data is gone. */
  restart(): void {
    this.#logs.clear();
    this.presence.forget();
  }

  #livesOf(topic: Topic): Lives {
    return this.lives(topic.slice("channel:".length));
  }

  #log(topic: Topic): Log {
    const known = this.#logs.get(topic);
    if (known !== undefined) return known;
    const log: Log = { epoch: `e${++this.#epochs}`, offset: 0, entries: [], lineage: [], keys: new Map() };
    this.#logs.set(topic, log);
    this.#livesOf(topic).begin(log.epoch, undefined);
    return log;
  }

  #trim(log: Log, { size, ttlMs }: Retention): void {
    let drop = Math.max(0, log.entries.length - size);
    for (let next = log.entries[drop]; next !== undefined && next.at + ttlMs <= this.#schedule.now; )
      next = log.entries[++drop];
    if (drop > 0) log.entries.splice(0, drop);
  }

  #deliver(topic: Topic, data: Data, position: Position | undefined): void {
    for (const subscriber of this.#subscribers.get(topic) ?? []) subscriber.deliver(topic, data, position);
  }
}
