/**
 * Arrivals: what the broker brings, given by its topic to the part of core that it is for.
 *
 * Leaves the meaning of what arrives to presence, the common topics and the hub. Invariants: what is larger
 * than a publication may be reaches no connection and is counted; so are bytes where only text has a meaning.
 */
import { type Data, isMarked, type Position, TRACE_CONTEXT_LENGTH, traceparentOf } from "@holdfast/protocol";
import type { Revocations } from "../access/revocations.js";
import { BROADCAST, CONTROL, presenceOf, type Topic } from "../broker/topic.js";
import type { Hub } from "../hub/hub.js";
import type { WorkerPresence } from "../presence/presence.js";
import type { Metrics } from "../runtime/metrics.js";
import type { CommonTopics } from "./common-topics.js";

export interface ArrivalsParts {
  readonly hub: Hub;
  readonly metrics: Metrics;
  /** `maxPublicationBytes`: what one publication may have, as UTF-8. */
  readonly options: { readonly maxPublicationBytes: number };
  readonly presence: WorkerPresence | undefined;
  readonly revocations: Revocations;
}

export class Arrivals {
  readonly #parts: ArrivalsParts;
  readonly #common: CommonTopics;

  constructor(parts: ArrivalsParts, common: CommonTopics) {
    this.#parts = parts;
    this.#common = common;
  }

  publication(topic: Topic, data: Data, position: Position | undefined): void {
    const { hub, metrics, options, presence } = this.#parts;
    const channel = presenceOf(topic);
    const isText = typeof data === "string";
    if (channel !== undefined && isText) return presence?.watches.news(channel, data);
    const isMeant = isText || (channel === undefined && topic !== CONTROL);
    let maxBytes = options.maxPublicationBytes;
    if (isMarked(data)) {
      // Not counted as data, where it will be told.
      if (traceparentOf(data) !== undefined) maxBytes += TRACE_CONTEXT_LENGTH;
      else metrics.add("trace_contexts_dropped", 1);
    }
    if (!isMeant || Buffer.byteLength(data) > maxBytes) {
      metrics.add("broker_rejected", 1);
      return;
    }
    if (topic === CONTROL && isText) this.#common.order(data);
    else if (topic === BROADCAST) this.#common.broadcast(data);
    else hub.publication(topic, data, position);
  }

  /**
   * Publications of a topic were left out. Each kind of topic has its own way to make good for them;
   * broadcasts have none, and are counted.
   */
  skipped(topic: Topic): void {
    const { hub, metrics, presence, revocations } = this.#parts;
    metrics.add("topics_skipped", 1);
    const channel = presenceOf(topic);
    if (channel !== undefined) presence?.watches.skipped(channel);
    else if (topic === CONTROL) revocations.reload();
    else if (topic !== BROADCAST) hub.skipped(topic);
  }
}
