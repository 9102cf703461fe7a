/**
 * The names that Holdfast uses in Redis. This is the only file that builds or reads one.
 *
 * A topic's channel is the prefix and the topic, `holdfast:channel:news`: what backends publish to by hand.
 * Pub/sub knows no databases, so the channels of database 3 begin with the prefix and `db3:`. Keys need no
 * such thing.
 *
 * In a Redis Cluster a topic may have a sharded channel as well, `holdfast:{channel:news}`, which is in the
 * slot of its keys (sharded/sharding.ts). Topics that every worker listens to have none.
 *
 * A Cluster places a key by what is between its first `{` and the first `}` after that. Invariant: all keys
 * of a topic have the same there, for any topic and a prefix without braces, and it is never empty: a topic
 * begins with a letter.
 */
import { parseTopic, type Topic } from "@holdfast/core";

export class RedisKeys {
  readonly #prefix: string;
  /** What the name of each channel starts with. */
  readonly channelPrefix: string;
  readonly sharded: ShardedNames;

  constructor(prefix: string, database = 0) {
    this.#prefix = prefix;
    this.channelPrefix = database === 0 ? prefix : `${prefix}db${database}:`;
    this.sharded = new ShardedNames(this.channelPrefix);
  }

  /** The pub/sub channel of a topic. */
  channel(topic: Topic): string {
    return this.channelPrefix + topic;
  }

  /** A topic's kept publications: a stream. */
  log(topic: Topic): string {
    return `${this.#prefix}log:{${topic}}`;
  }

  /** Epoch and last offset of a topic's log: a hash. */
  top(topic: Topic): string {
    return `${this.#prefix}top:{${topic}}`;
  }

  /** What became of the publication with this idempotency key. */
  record(topic: Topic, key: string): string {
    return `${this.#prefix}key:{${topic}}:${key}`;
  }

  /** Who is in a channel, by its presence topic: members, owners, users, numbers (lua/presence.lua). */
  presence(topic: Topic): readonly string[] {
    return ["members", "owners", "users", "presence"].map((part) => `${this.#prefix}${part}:{${topic}}`);
  }

  /** That a lease has ended in a channel; in the same slot as its members. */
  endedPresence(topic: Topic, lease: string): string {
    return `${this.#prefix}ended:{${topic}}:${lease}`;
  }

  /** The workers' leases of presence: a sorted set. */
  get leases(): string {
    return `${this.#prefix}leases:{presence}`;
  }

  /** Those that are being ended; in the same slot. */
  get endingLeases(): string {
    return `${this.#prefix}ending:{presence}`;
  }

  /** The channels in which a lease has members: a set. */
  leaseChannels(lease: string): string {
    return `${this.#prefix}channels:{lease:${lease}}`;
  }

  /** That the lease is over; in the same slot. */
  endedLease(lease: string): string {
    return `${this.#prefix}ended:{lease:${lease}}`;
  }

  /** The stream that backends add to. */
  get ingest(): string {
    return `${this.#prefix}ingest`;
  }

  /** The readers of that stream; in the same slot. */
  get ingestLease(): string {
    return `${this.#prefix}lease:{${this.ingest}}`;
  }

  /** Where a worker is reached. */
  worker(prefix: string): string {
    return `${this.#prefix}worker:${prefix}`;
  }

  /** What each instance carries: a hash. */
  get loads(): string {
    return `${this.#prefix}loads`;
  }

  /** The stream that tells backends what happens. */
  get events(): string {
    return `${this.#prefix}events`;
  }

  /** The cluster's shared secret. */
  get secret(): string {
    return `${this.#prefix}secret`;
  }

  /** What is revoked, by its end; since when, by what it is; the list's version. In one slot. */
  get revocations(): readonly string[] {
    return ["revoked", "revoked-at", "revoked-version"].map((name) => `${this.#prefix}${name}:{revoked}`);
  }

  /** That something was used which may be used once. */
  spent(digest: string): string {
    return `${this.#prefix}spent:${digest}`;
  }

  /**
   * The channel that a link listens to in order to learn whether it hears anything. `id` is the link's own.
   */
  probe(id: string): string {
    return `${this.channelPrefix}probe:${id}`;
  }

  /** The channel on which the workers of an instance, which `group` names, hear fences. */
  fences(group: string): string {
    return `${this.channelPrefix}fence:${group}`;
  }

  /** The topic of a pub/sub channel, or undefined when it is not one of ours. */
  topic(channel: string): Topic | undefined {
    const { channelPrefix } = this;
    return channel.startsWith(channelPrefix) ? parseTopic(channel.slice(channelPrefix.length)) : undefined;
  }
}

/** Names of sharded channels, by those of plain ones. */
export class ShardedNames {
  readonly #prefix: string;

  /** `prefix`: what the name of each channel starts with. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /**
   * The sharded channel beside a topic's channel, in the slot of the topic's keys. Undefined for what every
   * worker listens to: one member of a Cluster would carry all of that.
   */
  of(channel: string): string | undefined {
    const topic = channel.slice(this.#prefix.length);
    return topic.includes(":") ? `${this.#prefix}{${topic}}` : undefined;
  }

  /** The topic's channel, of a sharded one. */
  plain(sharded: string): string {
    return this.#prefix + sharded.slice(this.#prefix.length + 1, -1);
  }

  /** Where scripts publish so that the sharded channel beside a channel gets it: see lua/tell.lua. */
  destination(channel: string): string {
    return this.of(channel) === undefined ? channel : `{${this.#prefix.length}}${channel}`;
  }

  /** What each connection listens to that hears sharded channels: to be counted. */
  get mark(): string {
    return `${this.#prefix}sharded`;
  }

  /** One that is only asked for, to see whether it may be. */
  get trial(): string {
    return `${this.#prefix}{channel:}`;
  }
}
