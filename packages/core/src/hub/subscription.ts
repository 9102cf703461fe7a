/**
 * A subscription: one connection on one topic. An array slot in the topic's state, one in the session, and
 * this.
 *
 * It holds its topic state from the beginning and listens from `Hub#join` on.
 */

import type { Topic } from "../broker/topic.js";
import type { Batch } from "../delivery/batch.js";
import type { Listener } from "../delivery/fan-out.js";
import type { Recipient } from "../delivery/recipient.js";
import type { SkippedRange } from "../delivery/skipped-range.js";
import type { TopicState } from "./topic-state.js";

/** The connection that a subscription writes to. */
export interface Subscriber extends Recipient {
  /** Returns the bytes written, 0 for none. Must not throw. */
  deliver(batch: Batch, subscription: Subscription): number;
}

export class Subscription implements Listener {
  slot = -1;
  readonly topicState: TopicState;
  /** While its connection is too slow for it; owned by `SlowConsumers`. */
  behind: SkippedRange | undefined;
  readonly connection: Subscriber;

  constructor(connection: Subscriber, topicState: TopicState) {
    this.topicState = topicState;
    this.connection = connection;
  }

  get topic(): Topic {
    return this.topicState.topic;
  }

  deliver(batch: Batch): number {
    return this.connection.deliver(batch, this);
  }
}
