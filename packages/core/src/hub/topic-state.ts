/**
 * A topic state: one topic on this worker, with its listeners and the connections that are about to listen.
 *
 *     confirming ──broker says yes──► confirmed        confirming ──no──► refused (waiting clients are told)
 *
 * A connection that is about to listen holds the topic state, so that the worker's subscription and the
 * stream live on while the past is being read. Owned by the hub; changed by the hub alone.
 */

import type { Retention } from "../broker/broker.js";
import { channelOf, type Topic } from "../broker/topic.js";
import { Audience } from "../delivery/fan-out.js";
import type { Reading } from "../history/log-reads.js";
import type { Stream } from "../history/stream.js";
import type { PresenceRule, SlowConsumerRule } from "../namespace.js";

export class TopicState extends Audience {
  readonly topic: Topic;
  /** What its channel's history keeps; undefined without history. */
  readonly retention: Retention | undefined;
  /** The channel's log as this worker sees it; with history only. */
  readonly stream: Stream | undefined;
  /** What becomes of publications for a listener that reads too slowly. */
  readonly slowConsumer: SlowConsumerRule;
  /** How it is kept who listens; undefined where it is not. */
  readonly presence: PresenceRule | undefined;
  /** Connections that hold the topic state and do not listen yet. */
  holds = 0;
  /** The broker's confirmation while it is awaited. */
  confirming: Promise<void> | undefined;
  /** The read of the log that is under way; one at a time. */
  reading: Reading | undefined;
  /** Among the topic states with a stream; -1 outside. */
  slot = -1;
  /** Publications since an operator's survey last took them. */
  publications = 0;

  constructor(
    topic: Topic,
    retention: Retention | undefined,
    stream: Stream | undefined,
    slowConsumer: SlowConsumerRule,
    presence?: PresenceRule,
  ) {
    super(channelOf(topic));
    this.topic = topic;
    this.retention = retention;
    this.stream = stream;
    this.slowConsumer = slowConsumer;
    this.presence = presence;
  }

  /** The publications since the last call. */
  takePublications(): number {
    const { publications } = this;
    this.publications = 0;
    return publications;
  }

  get unused(): boolean {
    return this.holds === 0 && this.listeners.size === 0;
  }
}
