/**
 * The logs of the memory broker: what was published with retention, per topic, and which keys were used.
 *
 * Each log is bounded by its retention. All of them are bounded by the characters of their data (`maxChars`)
 * and by what they take beside it (`maxOwnChars`): channels that hold next to nothing cost memory, too, and
 * clients choose their names. Beyond either the log that was used least recently is forgotten; should it
 * begin anew, its epoch says so. Keys are bounded by their number and their characters, the oldest go first.
 * Expired entries are dropped when the log is used next, or by `sweep`. Invariant: the offsets in a log are
 * gapless and end at its `top`.
 */
import type { Data, Position } from "@holdfast/protocol";
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
  /** Of its data, of text as UTF-8. */
  readonly bytes: number;
}

interface UsedKey {
  readonly position: Position | undefined;
  readonly until: number;
}

/**
 * An idle log's position is remembered this many times its retention, so that a client that comes back late
 * is told `expired`, not `epoch`.
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
  /** Characters that logs and their entries take beside the data, names included. */
  readonly maxOwnChars: number;
  /** Keys that are remembered; the oldest go first. */
  readonly maxKeys: number;
  /** Characters of these keys, and of what they take beside that. */
  readonly maxKeyChars: number;
}

/** What a log, an entry and a key take beside their texts, about, in characters of one byte. */
const LOG_CHARS = 400;
const ENTRY_CHARS = 100;
const KEY_CHARS = 150;

export class MemoryLogs {
  readonly #options: LogOptions;
  /** In order of their last use. */
  readonly #logs = new Map<Topic, Log>();
  /** In order of their use. */
  readonly #keys = new Map<string, UsedKey>();
  #chars = 0;
  #ownChars = 0;
  #keyChars = 0;
  #forgotten = 0;

  constructor(options: LogOptions) {
    this.#options = options;
  }

  /** Characters that are kept. */
  get chars(): number {
    return this.#chars;
  }

  /** Characters that logs take beside what is kept. */
  get ownChars(): number {
    return this.#ownChars;
  }

  /** Characters of the keys that are remembered. */
  get keyChars(): number {
    return this.#keyChars;
  }

  /** Logs and keys that were forgotten before their time, as there were too many. */
  get forgotten(): number {
    return this.#forgotten;
  }

  append(topic: Topic, data: Data, retention: Retention): Position {
    const now = this.#options.now();
    const log = this.#use(topic, retention, now);
    log.entries.push({ offset: ++log.offset, data, at: now, bytes: Buffer.byteLength(data) });
    this.#chars += data.length;
    this.#ownChars += ENTRY_CHARS;
    this.#trim(log, retention, now);
    this.#makeRoom();
    return { offset: log.offset, epoch: log.epoch };
  }

  read(topic: Topic, { from, limit, reverse = false, maxBytes = PAGE_BYTES, retention }: LogQuery): LogPage {
    const now = this.#options.now();
    const log = this.#use(topic, retention, now);
    this.#trim(log, retention, now);
    this.#makeRoom();
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
    this.#forgetKey(name);
    this.#keys.set(name, { position, until: this.#options.now() + KEY_WINDOW_MS });
    this.#keyChars += name.length + KEY_CHARS;
    const { maxKeys, maxKeyChars } = this.#options;
    for (const oldest of this.#keys.keys()) {
      if (this.#keys.size <= maxKeys && this.#keyChars <= maxKeyChars) return;
      this.#forgetKey(oldest);
      this.#forgotten++;
    }
  }

  /** Forgets what has expired. Call it now and then. */
  sweep(): void {
    const now = this.#options.now();
    for (const [key, { until }] of this.#keys) {
      if (until > now) break;
      this.#forgetKey(key);
    }
    for (const [topic, log] of this.#logs) if (log.idleAt <= now) this.#forget(topic, log);
  }

  /** The topic's log, now the most recently used one. */
  #use(topic: Topic, retention: Retention, now: number): Log {
    const known = this.#logs.get(topic);
    if (known !== undefined) this.#logs.delete(topic);
    else this.#ownChars += LOG_CHARS + topic.length;
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
    this.#ownChars -= drop * ENTRY_CHARS;
    for (const { data } of entries.splice(0, drop)) this.#chars -= data.length;
  }

  /** The log that is in use is the newest, and stays. */
  #makeRoom(): void {
    const { maxChars, maxOwnChars } = this.#options;
    for (const [topic, log] of this.#logs) {
      const fits = this.#chars <= maxChars && this.#ownChars <= maxOwnChars;
      if (fits || this.#logs.size === 1) return;
      this.#forget(topic, log);
      this.#forgotten++;
    }
  }

  #forget(topic: Topic, log: Log): void {
    this.#logs.delete(topic);
    this.#ownChars -= LOG_CHARS + topic.length + log.entries.length * ENTRY_CHARS;
    for (const { data } of log.entries) this.#chars -= data.length;
  }

  #forgetKey(name: string): void {
    if (this.#keys.delete(name)) this.#keyChars -= name.length + KEY_CHARS;
  }
}

/** A topic has no control characters. */
function keyOf(topic: Topic, key: string): string {
  return `${topic}\u0000${key}`;
}
