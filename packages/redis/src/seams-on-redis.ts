/**
 * The seams on Redis, each over the connection of one process.
 *
 * The broker starts and ends the connection. What works by itself (directory, events, ingest) is to be closed
 * before the broker. Invariant: none of them knows another; what they share is the connection and the names
 * of keys.
 */
import type { RevocationStore, SubscriptionSharing } from "@holdfast/core";
import { RedisBroker } from "./broker.js";
import { RedisConnection } from "./connection/connection.js";
import { type EventBounds, EventStream } from "./event-stream.js";
import { Ingest, type RetentionOf } from "./ingest.js";
import { RedisDirectory } from "./instances/directory.js";
import { RedisLoads } from "./instances/loads.js";
import type { RedisOptions, RedisSeams } from "./options.js";
import { RedisPresence } from "./presence.js";
import { RedisRevocations } from "./revocations.js";
import { openSharding } from "./sharded/open-sharding.js";
import { secretCall, secretOf } from "./shared-secret.js";

export class SeamsOnRedis {
  readonly connection: RedisConnection;
  readonly broker: RedisBroker;

  /**
   * `sharing`: with whom the broker's subscriptions are shared; undefined: they are its own. Its fences are
   * in order with plain channels, so sharded ones are left out then. `isPart`: another connection has what
   * every worker listens to (placement/).
   */
  constructor(
    options: Pick<RedisOptions, "target"> & Partial<RedisOptions>,
    seams: RedisSeams,
    sharing?: SubscriptionSharing,
    isPart = false,
  ) {
    const chosen: typeof options = sharing === undefined ? options : { ...options, sharded: "off" };
    this.connection = new RedisConnection(chosen, seams, openSharding);
    this.broker = new RedisBroker(this.connection, sharing, isPart);
  }

  /** Kept by Redis: one that lost it makes another, and what the first has signed is no longer known. */
  async sharedSecret(): Promise<string> {
    return this.connection.ask(secretCall(this.connection.keys), secretOf);
  }

  /**
   * The way in over the ingest stream. `retentionOf`: what is kept of a channel's past; `broker`: what
   * publishes it.
   */
  ingest(retentionOf: RetentionOf, broker: Pick<RedisBroker, "publishInOrder"> = this.broker): Ingest {
    const { connection } = this;
    return new Ingest(
      {
        host: connection,
        publish: (...args) => broker.publishInOrder(...args),
        retentionOf,
        rejections: connection.rejections,
      },
      connection.options,
      connection.seams,
    );
  }

  /**
   * Who is where. With `eventsLength`, about how many events the stream keeps, channels that become occupied
   * or vacated are added to it in the step that makes them so, where one server has both.
   */
  presence(eventsLength?: number): RedisPresence {
    const { keys, options } = this.connection;
    const events =
      eventsLength === undefined || options.target.kind === "cluster"
        ? undefined
        : { key: keys.events, maxLength: eventsLength };
    return new RedisPresence(this.connection, keys, events);
  }

  /** Which instance each worker is of. */
  directory(): RedisDirectory {
    const { connection } = this;
    return new RedisDirectory(connection, connection.keys, connection.seams.clock);
  }

  /** What each instance carries. */
  loads(): RedisLoads {
    const { connection } = this;
    return new RedisLoads(connection, connection.keys);
  }

  /** The stream for backends; `bounds`: about how much it keeps. */
  events(bounds: EventBounds): EventStream {
    const { connection } = this;
    return new EventStream(connection, bounds, connection.options, connection.seams);
  }

  /** The cluster's revocations. */
  revocations(): RevocationStore {
    const { connection } = this;
    return new RedisRevocations(connection, connection.keys, connection.options.maxRevocations);
  }
}
