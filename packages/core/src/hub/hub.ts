/**
 * The hub: which connections of this worker listen to which topic, and the worker's own subscriptions at the broker.
 *
 * One broker subscription per topic, held while anyone here listens or is about to. Who wants to listen enters the
 * topic's place, waits until it is confirmed, and joins. Invariants: a place is in the map exactly while somebody holds it
 * or listens, and the broker has not refused; nothing is delivered before the broker's confirmation, so that no
 * publication overtakes the answer to whoever subscribes; who joins hears everything after the position that `join` returns.
 */
import {
  encodeGap,
  encodeMessage,
  encodePublication,
  normalizeData,
  type Position,
} from "@holdfast/protocol";
import type { Broker } from "../broker/broker.js";
import { channelOf, type Topic } from "../broker/topic.js";
import type { FanOut, Listener } from "../delivery/fan-out.js";
import { type Continuity, lastHeard } from "../history/stream-reader.js";
import { DISCONNECT, type Namespaces } from "../namespace.js";
import type { Logger } from "../runtime/logger.js";
import type { Metrics } from "../runtime/metrics.js";
import { Place } from "./topic-state.js";

export interface HubParts {
  readonly broker: Broker;
  readonly fanOut: FanOut;
  readonly namespaces: Namespaces;
  readonly continuity: Continuity;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

export class Hub {
  readonly #places = new Map<Topic, Place>();
  readonly #parts: HubParts;

  constructor(parts: HubParts) {
    this.#parts = parts;
  }

  /** Topics that someone here listens to, or is about to. */
  get topics(): number {
    return this.#places.size;
  }

  /** For who looks at all of them: operators. */
  get places(): Iterable<Place> {
    return this.#places.values();
  }

  /** Listeners over all topics, and those who are about to listen. */
  get subscriptions(): number {
    let subscriptions = 0;
    for (const { listeners, holds } of this.#places.values()) subscriptions += listeners.size + holds;
    return subscriptions;
  }

  /** Holds the topic's place. Wait for its `confirming`, if there is any, then `join`; or `leave`. */
  enter(topic: Topic): Place {
    const place = this.#places.get(topic) ?? this.#open(topic);
    place.holds++;
    return place;
  }

  /**
   * Who held the place listens from now on. Returns the position after which it hears everything, where the channel has
   * a history. Only when the place is confirmed.
   */
  join(place: Place, listener: Listener): Position | undefined {
    place.holds--;
    place.listeners.add(listener);
    return lastHeard(place);
  }

  /** Holds the place a second time: for when its listener has gone and may come back. */
  hold(place: Place): void {
    place.holds++;
  }

  /** Gives up a hold. */
  release(place: Place): void {
    place.holds--;
    this.#forgetUnused(place);
  }

  /** Ends the listening, or the hold of who does not listen yet; the last one ends the worker's subscription. */
  leave(place: Place, listener: Listener): void {
    if (listener.slot === -1) place.holds--;
    else place.listeners.remove(listener);
    this.#forgetUnused(place);
  }

  #forgetUnused(place: Place): void {
    if (place.unused && this.#places.get(place.topic) === place) this.#forget(place);
  }

  /** A publication from the broker, for whoever listens here. */
  publication(topic: Topic, text: string, position: Position | undefined): void {
    const place = this.#places.get(topic);
    if (place === undefined) return;
    const { continuity, fanOut, metrics } = this.#parts;
    if (place.stream !== undefined && position !== undefined) {
      metrics.add("publications", 1);
      return continuity.arrive(place, place.stream, normalizeData(text), position);
    }
    if (place.confirming !== undefined) return;
    metrics.add("publications", 1);
    const data = normalizeData(text);
    const channel = channelOf(topic);
    fanOut.add(place, channel === undefined ? encodeMessage(data) : encodePublication(channel, data), data);
  }

  /**
   * Publications of a topic were left out for this worker. A stream reads what its log keeps; where there is no log, those who
   * listen are told of a gap.
   */
  skipped(topic: Topic): void {
    const place = this.#places.get(topic);
    if (place === undefined) return;
    if (place.confirming !== undefined) {
      // Until then nobody hears the topic; a stream may miss what it was skipped.
      if (place.stream !== undefined)
        place.confirming.then(
          () => this.skipped(topic),
          () => {},
        );
      return;
    }
    const { continuity, fanOut, metrics } = this.#parts;
    if (place.stream !== undefined) return continuity.skipped(place, place.stream);
    const channel = channelOf(topic);
    if (channel === undefined) return;
    metrics.add("gaps", 1);
    fanOut.insist(place, encodeGap({ channel, reason: "slow" }), undefined);
  }

  #open(topic: Topic): Place {
    const channel = channelOf(topic);
    const { namespaces, continuity } = this.#parts;
    const retention = channel === undefined ? undefined : namespaces.retention(channel);
    const stream = retention === undefined ? undefined : continuity.newStream();
    const slowConsumer = channel === undefined ? DISCONNECT : namespaces.slowConsumer(channel);
    const presence = channel === undefined ? undefined : namespaces.presence(channel);
    const place = new Place(topic, retention, stream, slowConsumer, presence);
    this.#places.set(topic, place);
    const confirming = this.#confirm(place);
    place.confirming = confirming;
    // Whoever holds the place handles the rejection; one that has left meanwhile must not leave it unhandled.
    confirming.catch(() => {});
    return place;
  }

  async #confirm(place: Place): Promise<void> {
    try {
      await this.#parts.broker.subscribe(place.topic);
      if (this.#places.get(place.topic) !== place) return;
      if (place.stream !== undefined) await this.#parts.continuity.begin(place, place.stream);
      place.confirming = undefined;
    } catch (error) {
      // Before those who wait are told: whoever enters from here on must not find a place that nobody delivers to.
      if (this.#places.get(place.topic) === place) this.#forget(place);
      throw error;
    }
  }

  #forget(place: Place): void {
    this.#places.delete(place.topic);
    this.#parts.continuity.end(place);
    this.#parts.broker.unsubscribe(place.topic).catch((error: unknown) => {
      // The broker forgets the topic all the same, see broker.ts.
      this.#parts.logger.debug({ topic: place.topic, err: error }, "could not unsubscribe");
    });
  }
}
