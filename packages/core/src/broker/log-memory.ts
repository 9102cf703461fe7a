/**
 * The logs of the memory broker: what was published with retention, per topic, and which keys were used.
 *
 * Bounded twice: each log by its retention, all of them by `maxChars`, beyond which the log that was used
 * least recently is forgotten; should it begin anew, its epoch says so. Expired entries are dropped when the
 * log is used next, or by `sweep`. Invariant: the offsets in a log are gapless and end at its `top`.
 */
import type { Position } from "@holdfast/protocol";
import {
  type Entry,
  KEY_WINDOW_MS,
  type LogPage,
  type LogQuery,
  PAGE_BYTES,
  type Retention,
} from "./broker.js";
import type { Topic } from "./topic.js";

interface Log {
  readonly epoch: string;
  /** The last offset given out. */
  offset: number;
  entries: KeptEntry[];
  /** Until when it is worth remembering, ms. */
  idleAt: number;
}

interface KeptEntry extends Entry {
  readonly at: number;
  /** Of its data, as UTF-8. */
  readonly bytes: number;
}

interface UsedKey {
  readonly position: Position | undefined;
  readonly until: number;
}

/**
 * An idle log's position is remembered this many times its retention, so that who comes back late hears
 * `expired`, not `epoch`.
 */
const MEMORY_FACTOR = 10;
const NO_LINEAGE: readonly Position[] = Object.freeze([]);

export interface LogOptions {
  /** ms, from any start. */
  readonly now: () => number;
  /** A new epoch: unlike all before. */
  readonly newEpoch: () => string;
  /** Characters over all logs. */
  readonly maxChars: number;
  /** Keys that are remembered; the oldest go first. */
  readonly maxKeys: number;
}

export class MemoryLogs {
  readonly #options: LogOptions;
  /** In order of their last use. */
  readonly #logs = new Map<Topic, Log>();
  /** In order of their use. */
  readonly #keys = new Map<string, UsedKey>();
  #chars = 0;

  constructor(options: LogOptions) {
    this.#options = options;
  }

  /** Characters that are kept. */
  get chars(): number {
    return this.#chars;
  }

  append(topic: Topic, data: string, retention: Retention): Position {
    const now = this.#options.now();
    const log = this.#use(topic, retention, now);
    log.entries.push({ offset: ++log.offset, data, at: now, bytes: Buffer.byteLength(data) });
    this.#chars += data.length;
    this.#trim(log, retention, now);
    while (this.#chars > this.#options.maxChars && this.#logs.size > 1) this.#forgetOldest();
    return { offset: log.offset, epoch: log.epoch };
  }

  read(topic: Topic, { from, limit, reverse = false, maxBytes = PAGE_BYTES, retention }: LogQuery): LogPage {
    const now = this.#options.now();
    const log = this.#use(topic, retention, now);
    this.#trim(log, retention, now);
    const oldest = log.offset - log.entries.length + 1;
    // Where `from` is in `entries`, cut to its ends.
    const at = Math.min(Math.max(from, oldest - (reverse ? 1 : 0)), log.offset + (reverse ? 0 : 1)) - oldest;
    const entries: Entry[] = [];
    let bytes = 0;
    for (let next = at; entries.length < limit; next += reverse ? -1 : 1) {
      const entry = log.entries[next];
      if (entry === undefined) break;
      bytes += entry.bytes;
      if (entries.length > 0 && bytes > maxBytes) break;
      entries.push({ offset: entry.offset, data: entry.data });
    }
    return {
      entries,
      top: { offset: log.offset, epoch: log.epoch },
      oldest,
      lineage: NO_LINEAGE,
    };
  }

  /** The first publication with this key, if it is still known. */
  used(topic: Topic, key: string): { readonly position: Position | undefined } | undefined {
    const used = this.#keys.get(keyOf(topic, key));
    return used === undefined || used.until <= this.#options.now() ? undefined : used;
  }

  remember(topic: Topic, key: string, position: Position | undefined): void {
    const name = keyOf(topic, key);
    this.#keys.delete(name);
    this.#keys.set(name, { position, until: this.#options.now() + KEY_WINDOW_MS });
    if (this.#keys.size > this.#options.maxKeys) {
      const [oldest] = this.#keys.keys();
      if (oldest !== undefined) this.#keys.delete(oldest);
    }
  }

  /** Forgets what has expired. Call it now and then. */
  sweep(): void {
    const now = this.#options.now();
    for (const [key, { until }] of this.#keys) {
      if (until > now) break;
      this.#keys.delete(key);
    }
    for (const [topic, log] of this.#logs) if (log.idleAt <= now) this.#forget(topic, log);
  }

  /** The topic's log, now the most recently used one. */
  #use(topic: Topic, retention: Retention, now: number): Log {
    const known = this.#logs.get(topic);
    if (known !== undefined) this.#logs.delete(topic);
    const log = known ?? { epoch: this.#options.newEpoch(), offset: 0, entries: [], idleAt: 0 };
    log.idleAt = now + retention.ttlMs * MEMORY_FACTOR;
    this.#logs.set(topic, log);
    return log;
  }

  #trim(log: Log, { size, ttlMs }: Retention, now: number): void {
    const { entries } = log;
    let drop = Math.max(0, entries.length - size);
    for (let next = entries[drop]; next !== undefined && next.at + ttlMs <= now; next = entries[drop]) drop++;
    if (drop === 0) return;
    for (const { data } of entries.splice(0, drop)) this.#chars -= data.length;
  }

  #forgetOldest(): void {
    for (const [topic, log] of this.#logs) return this.#forget(topic, log);
  }

  #forget(topic: Topic, log: Log): void {
    this.#logs.delete(topic);
    for (const { data } of log.entries) this.#chars -= data.length;
  }
}

/** A topic has no control characters. */
function keyOf(topic: Topic, key: string): string {
  return `${topic}\u0000${key}`;
}
