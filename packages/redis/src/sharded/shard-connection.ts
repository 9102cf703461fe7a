/**
 * A shard connection: one connection to one master of a Redis Cluster, for the sharded channels of its slots.
 *
 * When a slot leaves a server, the server ends the subscriptions there by a push that answers no command.
 * ioredis takes such a push for the answer to an UNSUBSCRIBE that is under way, and says of any other only
 * that it came, not for which channel. Invariants: while SUNSUBSCRIBE is under way nothing else is, so that
 * no answer is taken for that of another command; which channels are left is read from what the server said.
 */
import { isNativeError } from "node:util/types";
import type { Clock } from "@holdfast/core";
import { Redis } from "ioredis";
import { type ClientScope, type ConnectionOptions, RedisClient } from "../connection/client.js";
import { hangUp } from "../connection/hang-up.js";
import type { Pings } from "../connection/pings.js";
import { DeadlineExceeded, withDeadline } from "../runtime/deadline.js";

export interface ShardEvents {
  message(shard: ShardConnection, channel: Buffer, payload: Buffer): void;
  /** The server has ended subscriptions: see `holds`. */
  dropped(shard: ShardConnection): void;
  ended(shard: ShardConnection): void;
}

export interface ShardParts extends ClientScope {
  readonly options: ConnectionOptions;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly pings: Pings;
}

/** What ioredis notes of a connection's subscriptions. */
interface Noted {
  readonly condition?: { readonly subscriber?: false | { channels(kind: "ssubscribe"): string[] } };
}

export class ShardConnection {
  /** Host and port. */
  readonly address: string;
  readonly #parts: ShardParts;
  readonly #client: RedisClient<Redis>;
  /** Settles with what was sent last. */
  #last: Promise<unknown> = Promise.resolve();
  #underWay = 0;
  #received = 0;
  #drops = 0;

  private constructor(address: string, parts: ShardParts) {
    this.address = address;
    this.#parts = parts;
    const at = address.lastIndexOf(":");
    const place = { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
    this.#client = new RedisClient(new Redis({ ...parts.options, ...place }), parts);
  }

  /** Connects within a deadline. Rejects with the reason where that fails. */
  static async open(address: string, parts: ShardParts, events: ShardEvents): Promise<ShardConnection> {
    const shard = new ShardConnection(address, parts);
    const { raw, ended } = shard.#client;
    try {
      await withDeadline(parts.clock, parts.timeoutMs, "connecting to a shard", shard.#client.connect());
    } catch (error) {
      shard.close();
      throw error;
    }
    raw.on("smessageBuffer", (channel: Buffer, payload: Buffer) => {
      shard.#received++;
      events.message(shard, channel, payload);
    });
    const dropped = (): void => {
      shard.#drops++;
      events.dropped(shard);
    };
    raw.on("moved", dropped);
    // An answer without a command: a push took its place.
    raw.on("error", dropped);
    void ended.then(() => events.ended(shard));
    return shard;
  }

  /** How often the server may have ended subscriptions by itself. */
  get drops(): number {
    return this.#drops;
  }

  /** The channels that the server has confirmed and not ended since. */
  holds(): ReadonlySet<string> {
    const { condition } = this.#client.raw as unknown as Noted;
    return new Set(condition?.subscriber ? condition.subscriber.channels("ssubscribe") : []);
  }

  /** The outcome for each: undefined where the server has confirmed it. Never rejects. */
  subscribe(channels: readonly string[]): Promise<readonly (Error | undefined)[]> {
    return this.#alone("SSUBSCRIBE", () => channels.map((channel) => this.#client.raw.ssubscribe(channel)));
  }

  /**
   * Never rejects: a subscription whose end failed is ended with the connection, or hears what is not wished.
   */
  async unsubscribe(channels: readonly string[]): Promise<void> {
    await this.#alone("SUNSUBSCRIBE", () =>
      channels.map((channel) => this.#client.raw.sunsubscribe(channel)),
    );
  }

  /** Ends the connection where there is no sign of life. What is under way has its own deadline. */
  async ping(): Promise<void> {
    if (this.#underWay > 0) return;
    const { clock, timeoutMs, pings } = this.#parts;
    const before = this.#received;
    const answer = this.#queue(() => pings.ping(this.#client.raw));
    await withDeadline(clock, timeoutMs, "PING", answer).catch((error) => {
      if (!(error instanceof DeadlineExceeded) || this.#received === before) this.close();
    });
  }

  /** Idempotent. */
  close(): void {
    hangUp(this.#client.raw);
  }

  async #alone(
    what: string,
    send: () => readonly Promise<unknown>[],
  ): Promise<readonly (Error | undefined)[]> {
    const { clock, timeoutMs } = this.#parts;
    this.#underWay++;
    try {
      return await this.#queue(async () => {
        const outcomes = send().map((each) => each.then(() => undefined, asError));
        const all = Promise.all(outcomes);
        return await withDeadline(clock, timeoutMs, what, all).catch((error: Error) => {
          // It is unknown what the server has: only a new connection makes it certain again.
          this.close();
          return outcomes.map(() => error);
        });
      });
    } finally {
      this.#underWay--;
    }
  }

  #queue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }
}

function asError(error: unknown): Error {
  return isNativeError(error) ? error : new Error(String(error));
}
