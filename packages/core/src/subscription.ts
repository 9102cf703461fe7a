/**
 * A subscription: one connection on one topic. An array slot in the topic, one in the session, and this.
 */
import type { Batch } from "./batch.js";
import type { Connection } from "./connection.js";
import type { Listener } from "./fan-out.js";
import type { Topic } from "./topic.js";

export class Subscription implements Listener {
  slot = -1;
  readonly topic: Topic;
  readonly #connection: Connection;

  constructor(connection: Connection, topic: Topic) {
    this.topic = topic;
    this.#connection = connection;
  }

  deliver(batch: Batch): number {
    return this.#connection.deliver(batch);
  }
}
