/**
 * A subscription: one connection on one topic. An array slot in the topic's place, one in the session, and this.
 *
 * It holds its place from the beginning and listens from `Hub#join` on.
 */
import type { Batch } from "./batch.js";
import type { Connection } from "./connection.js";
import type { Listener } from "./fan-out.js";
import type { Place } from "./place.js";
import type { Topic } from "./topic.js";

export class Subscription implements Listener {
  slot = -1;
  readonly place: Place;
  readonly #connection: Connection;

  constructor(connection: Connection, place: Place) {
    this.place = place;
    this.#connection = connection;
  }

  get topic(): Topic {
    return this.place.topic;
  }

  deliver(batch: Batch): number {
    return this.#connection.deliver(batch);
  }
}
