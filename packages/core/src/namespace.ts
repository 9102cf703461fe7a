/**
 * Namespaces: what may be done with a channel, selected by the part of its name before the colon.
 */
import { type JoinLeaveMode, namespaceOf } from "@holdfast/protocol";
import type { Retention } from "./broker/broker.js";

/** What becomes of publications for a subscriber whose outbox is full. */
export const SLOW_CONSUMER_POLICIES = Object.freeze(["disconnect", "drop", "latest"] as const);

export type SlowConsumerPolicy = (typeof SLOW_CONSUMER_POLICIES)[number];

/** The policy of one channel, with what it needs. Shared by all channels of a namespace. */
export interface SlowConsumerRule {
  readonly policy: SlowConsumerPolicy;
  /**
   * The field of the data by whose value `latest` tells publications apart; undefined: the channel has one
   * newest.
   */
  readonly key: string | undefined;
}

/** What holds for one channel. Versions of `off` count as those of `session` do. */
export interface PresenceRule {
  readonly joinLeave: JoinLeaveMode;
  /** Sessions above which news say how many there are, not who. */
  readonly maxListed: number;
}

export interface NamespaceOptions {
  /**
   * Whether a private gateway lets every client subscribe to its channels, read them and see their members.
   * Default false.
   */
  readonly public?: boolean | undefined;
  /** Whether clients may publish to its channels, where they are open to every client. Default false. */
  readonly clientPublish?: boolean | undefined;
  /** Whether it is kept who is in its channels. Default false. */
  readonly presence?: boolean | undefined;
  /** Which joins and leaves subscribers that ask are told. Default `user`. */
  readonly joinLeave?: JoinLeaveMode | undefined;
  /**
   * Commands a second on its channels that one connection may send, if it sends no others: each costs that
   * much more of the option `commandRate` for all. Default: as any other command.
   */
  readonly commandRate?: number | undefined;
  /**
   * Bytes a second that the clients of one worker may publish to its channels together; twice that at once.
   * Default: the option `namespacePublishBytesPerSecond` for all.
   */
  readonly publishBytesPerSecond?: number | undefined;
  /** Publications that are kept for each channel; 0 = none. Default: the option `historySize` for all. */
  readonly historySize?: number | undefined;
  /** For how long they are kept, ms. Default: the option `historyTtlMs` for all. */
  readonly historyTtlMs?: number | undefined;
  /** Default `disconnect`. */
  readonly slowConsumer?: SlowConsumerPolicy | undefined;
  /**
   * With `latest`: the field of a publication's data that names what it is the newest of. Default: one for
   * the channel.
   */
  readonly conflateKey?: string | undefined;
  /**
   * Bytes from which a message of publications is compressed, where the transport can. Default: the option
   * `compressMin` for all.
   */
  readonly compressMin?: number | undefined;
}

/** What holds where a namespace says nothing. */
export interface NamespaceDefaults {
  readonly commandRate: number;
  readonly historySize: number;
  readonly historyTtlMs: number;
  readonly maxJoinLeave: number;
  readonly compressMin: number;
}

/** What holds where nothing else is said, and for all that is no channel. */
export const DISCONNECT: SlowConsumerRule = Object.freeze({ policy: "disconnect", key: undefined });

const NOTHING: NamespaceOptions = Object.freeze({});

/** Resolves a channel's options. A namespace without an entry has the defaults. */
export class Namespaces {
  readonly #byName: ReadonlyMap<string, NamespaceOptions>;
  readonly #retentions = new Map<string, Retention | undefined>();
  readonly #retention: Retention | undefined;
  readonly #slowConsumers = new Map<string, SlowConsumerRule>();
  /** Of those where a command costs more than one. */
  readonly #prices = new Map<string, number>();
  readonly #presence = new Map<string, PresenceRule>();
  readonly #compressMin: number;

  constructor(namespaces: Readonly<Record<string, NamespaceOptions>>, defaults: NamespaceDefaults) {
    this.#byName = new Map(Object.entries(namespaces));
    this.#retention = retentionOf({}, defaults);
    this.#compressMin = defaults.compressMin;
    for (const [name, options] of this.#byName) {
      this.#retentions.set(name, retentionOf(options, defaults));
      const { slowConsumer: policy = "disconnect", conflateKey: key } = options;
      this.#slowConsumers.set(name, Object.freeze({ policy, key }));
      const { commandRate = defaults.commandRate } = options;
      if (commandRate < defaults.commandRate) this.#prices.set(name, defaults.commandRate / commandRate);
      const { presence = false, joinLeave = "user" } = options;
      if (presence) this.#presence.set(name, Object.freeze({ joinLeave, maxListed: defaults.maxJoinLeave }));
    }
  }

  /** What is kept of a channel's past; undefined where nothing is. */
  retention(channel: string): Retention | undefined {
    const namespace = namespaceOf(channel);
    return this.#retentions.has(namespace) ? this.#retentions.get(namespace) : this.#retention;
  }

  /** What becomes of publications for a subscriber that reads too slowly. */
  slowConsumer(channel: string): SlowConsumerRule {
    return this.#slowConsumers.get(namespaceOf(channel)) ?? DISCONNECT;
  }

  /** Bytes from which a message is compressed; `channel` undefined: one for a user or for all. */
  compressFrom(channel: string | undefined): number {
    const said = channel === undefined ? undefined : this.of(channel).compressMin;
    return said ?? this.#compressMin;
  }

  /** Whether any has presence. */
  get havePresence(): boolean {
    return this.#presence.size > 0;
  }

  /** How it is kept who is in the channel; undefined where it is not. */
  presence(channel: string): PresenceRule | undefined {
    return this.havePresence ? this.#presence.get(namespaceOf(channel)) : undefined;
  }

  /** How much of a connection's command rate a command on the channel costs. */
  price(channel: string): number {
    return this.#prices.size === 0 ? 1 : (this.#prices.get(namespaceOf(channel)) ?? 1);
  }

  /** What is said of a channel's namespace. */
  of(channel: string): NamespaceOptions {
    return this.#byName.get(namespaceOf(channel)) ?? NOTHING;
  }
}

function retentionOf(options: NamespaceOptions, defaults: NamespaceDefaults): Retention | undefined {
  const size = options.historySize ?? defaults.historySize;
  return size === 0 ? undefined : { size, ttlMs: options.historyTtlMs ?? defaults.historyTtlMs };
}
