/**
 * The seams of one process on up to three Redis servers: one for all, and others for a part where it is set.
 *
 * Owns which connection each seam gets. Invariant: without a server for a part, this is what `SeamsOnRedis`
 * is on the one server.
 */
import type { Broker, RevocationStore, SubscriptionSharing } from "@holdfast/core";
import type { EventBounds, EventStream } from "../event-stream.js";
import type { Ingest, RetentionOf } from "../ingest.js";
import type { RedisDirectory } from "../instances/directory.js";
import type { RedisLoads } from "../instances/loads.js";
import type { RedisOptions, RedisSeams } from "../options.js";
import type { RedisPresence } from "../presence.js";
import { SeamsOnRedis } from "../seams-on-redis.js";
import type { RedisTarget } from "../target.js";
import { PlacedBroker } from "./placed-broker.js";

/** Where each part is; a part that is left out is where all else is. */
export interface RedisPlaces {
  readonly target: RedisTarget;
  readonly history?: RedisTarget | undefined;
  readonly presence?: RedisTarget | undefined;
}

export class PlacedSeams {
  readonly broker: Broker;
  readonly #rest: SeamsOnRedis;
  readonly #presence: SeamsOnRedis | undefined;
  readonly #placed: PlacedBroker;
  readonly #retentionOf: RetentionOf;

  /**
   * `sharing`: with whom subscriptions of the rest are shared; those of a part with a server of its own are
   * each worker's.
   */
  constructor(
    { target, history, presence }: RedisPlaces,
    options: Partial<Omit<RedisOptions, "target">>,
    seams: RedisSeams,
    retentionOf: RetentionOf,
    sharing?: SubscriptionSharing,
  ) {
    const part = (own: RedisTarget | undefined): SeamsOnRedis | undefined =>
      own && new SeamsOnRedis({ ...options, target: own }, seams, undefined, true);
    this.#rest = new SeamsOnRedis({ ...options, target }, seams, sharing);
    this.#presence = part(presence);
    const parts = { history: part(history)?.broker, presence: this.#presence?.broker };
    this.#retentionOf = retentionOf;
    this.#placed = new PlacedBroker(
      this.#rest.broker,
      parts,
      (channel) => retentionOf(channel) !== undefined,
    );
    this.broker = history === undefined && presence === undefined ? this.#rest.broker : this.#placed;
  }

  sharedSecret(): Promise<string> {
    return this.#rest.sharedSecret();
  }

  /** The stream is with the rest; what it brings goes where its channel is. */
  ingest(): Ingest {
    return this.#rest.ingest(this.#retentionOf, this.#placed);
  }

  /** As `SeamsOnRedis` has it: on a server of its own, transitions are told by the worker. */
  presence(eventsLength?: number): RedisPresence {
    return this.#presence === undefined
      ? this.#rest.presence(eventsLength)
      : this.#presence.presence(undefined);
  }

  directory(): RedisDirectory {
    return this.#rest.directory();
  }

  loads(): RedisLoads {
    return this.#rest.loads();
  }

  events(bounds: EventBounds): EventStream {
    return this.#rest.events(bounds);
  }

  revocations(): RevocationStore {
    return this.#rest.revocations();
  }
}
