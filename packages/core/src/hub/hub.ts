/**
 * The hub: which connections of this worker listen to which topic, and the worker's own subscriptions at the
 * broker.
 *
 * One broker subscription per topic, held while a connection here listens or is about to. A connection that
 * wants to listen enters the topic's state, waits until it is confirmed, and joins. Invariants: a topic state
 * is in the map exactly while a connection holds it or listens, and the broker has not refused; nothing is
 * delivered before the broker's confirmation, so that no publication overtakes the answer to a subscriber; a
 * new listener hears everything after the position that `join` returns.
 */
import { type Data, normalizeData, type Position } from "@holdfast/protocol";
import type { Broker } from "../broker/broker.js";
import { channelOf, type Topic } from "../broker/topic.js";
import type { FanOut, Listener } from "../delivery/fan-out.js";
import { gapPush, messagePush, publicationPush } from "../delivery/push.js";
import { lastHeard, type StreamReader } from "../history/stream-reader.js";
import { DISCONNECT, type Namespaces } from "../namespace.js";
import type { Incidents } from "../runtime/incidents.js";
import type { Logger } from "../runtime/logger.js";
import type { Metrics } from "../runtime/metrics.js";
import { TopicState } from "./topic-state.js";

export interface HubParts {
  readonly broker: Broker;
  readonly fanOut: FanOut;
  readonly namespaces: Namespaces;
  readonly streamReader: StreamReader;
  readonly metrics: Metrics;
  readonly incidents: Incidents;
  readonly logger: Logger;
}

export class Hub {
  readonly #topicStates = new Map<Topic, TopicState>();
  readonly #parts: HubParts;

  constructor(parts: HubParts) {
    this.#parts = parts;
  }

  /** Topics that a connection here listens to, or is about to. */
  get topics(): number {
    return this.#topicStates.size;
  }

  /** Whether it is a topic's state now. */
  has(topicState: TopicState): boolean {
    return this.#topicStates.get(topicState.topic) === topicState;
  }

  /** For callers that look at all of them: operators. */
  get topicStates(): Iterable<TopicState> {
    return this.#topicStates.values();
  }

  /** Listeners over all topics, and connections that are about to listen. */
  get subscriptions(): number {
    let subscriptions = 0;
    for (const { listeners, holds } of this.#topicStates.values()) subscriptions += listeners.size + holds;
    return subscriptions;
  }

  /** Holds the topic's state. Wait for its `confirming`, if there is any, then `join`; or `leave`. */
  enter(topic: Topic): TopicState {
    const topicState = this.#topicStates.get(topic) ?? this.#open(topic);
    topicState.holds++;
    return topicState;
  }

  /**
   * The connection that held the topic state listens from now on. Returns the position after which it hears
   * everything, where the channel has a history. Only when the topic state is confirmed.
   */
  join(topicState: TopicState, listener: Listener): Position | undefined {
    topicState.holds--;
    topicState.listeners.add(listener);
    return lastHeard(topicState);
  }

  /** Holds the topic state a second time: for when its listener has gone and may come back. */
  hold(topicState: TopicState): void {
    topicState.holds++;
  }

  /** Gives up a hold. */
  release(topicState: TopicState): void {
    topicState.holds--;
    this.#forgetUnused(topicState);
  }

  /**
   * Ends the listening, or the hold of who does not listen yet; the last one ends the worker's subscription.
   */
  leave(topicState: TopicState, listener: Listener): void {
    if (listener.slot === -1) topicState.holds--;
    else topicState.listeners.remove(listener);
    this.#forgetUnused(topicState);
  }

  #forgetUnused(topicState: TopicState): void {
    if (topicState.unused && this.#topicStates.get(topicState.topic) === topicState) this.#forget(topicState);
  }

  /** A publication from the broker, for the listeners here. */
  publication(topic: Topic, published: Data, position: Position | undefined): void {
    const topicState = this.#topicStates.get(topic);
    if (topicState === undefined) return;
    topicState.publications++;
    const { streamReader, fanOut, metrics } = this.#parts;
    if (topicState.stream !== undefined && position !== undefined) {
      metrics.add("publications", 1);
      return streamReader.arrive(topicState, topicState.stream, normalizeData(published), position);
    }
    if (topicState.confirming !== undefined) return;
    metrics.add("publications", 1);
    const data = normalizeData(published);
    const channel = channelOf(topic);
    fanOut.add(topicState, channel === undefined ? messagePush(data) : publicationPush(channel, data));
  }

  /**
   * Publications of a topic were left out for this worker. A stream reads what its log keeps; where there is
   * no log, listeners are told of a gap.
   */
  skipped(topic: Topic): void {
    const topicState = this.#topicStates.get(topic);
    if (topicState === undefined) return;
    if (topicState.confirming !== undefined) {
      // Until then no connection hears the topic; a stream may miss what it was skipped.
      if (topicState.stream !== undefined)
        topicState.confirming.then(
          () => this.skipped(topic),
          () => {},
        );
      return;
    }
    const { streamReader, fanOut, metrics, incidents } = this.#parts;
    if (topicState.stream !== undefined) return streamReader.skipped(topicState, topicState.stream);
    const channel = channelOf(topic);
    if (channel === undefined) return;
    metrics.add("gaps", 1);
    incidents.note({ kind: "gap", code: "slow", channel });
    fanOut.addAlways(topicState, gapPush({ channel, reason: "slow" }));
  }

  #open(topic: Topic): TopicState {
    const channel = channelOf(topic);
    const { namespaces, streamReader } = this.#parts;
    const retention = channel === undefined ? undefined : namespaces.retention(channel);
    const stream = retention === undefined ? undefined : streamReader.newStream();
    const slowConsumer = channel === undefined ? DISCONNECT : namespaces.slowConsumer(channel);
    const presence = channel === undefined ? undefined : namespaces.presence(channel);
    const topicState = new TopicState(topic, retention, stream, slowConsumer, presence);
    topicState.compressFrom = namespaces.compressFrom(channel);
    this.#topicStates.set(topic, topicState);
    const confirming = this.#confirm(topicState);
    topicState.confirming = confirming;
    // The holder of the topic state handles the rejection; one that has left meanwhile must not leave it
    // unhandled.
    confirming.catch(() => {});
    return topicState;
  }

  async #confirm(topicState: TopicState): Promise<void> {
    try {
      await this.#parts.broker.subscribe(topicState.topic);
      if (this.#topicStates.get(topicState.topic) !== topicState) return;
      if (topicState.stream !== undefined)
        await this.#parts.streamReader.begin(topicState, topicState.stream);
      topicState.confirming = undefined;
    } catch (error) {
      // Before the waiting connections are told: a connection that enters from here on must not find a topic
      // state that no connection delivers to.
      if (this.#topicStates.get(topicState.topic) === topicState) this.#forget(topicState);
      throw error;
    }
  }

  #forget(topicState: TopicState): void {
    this.#topicStates.delete(topicState.topic);
    this.#parts.streamReader.end(topicState);
    this.#parts.broker.unsubscribe(topicState.topic).catch((error: unknown) => {
      // The broker forgets the topic all the same, see broker.ts.
      this.#parts.logger.debug({ topic: topicState.topic, err: error }, "could not unsubscribe");
    });
  }
}
