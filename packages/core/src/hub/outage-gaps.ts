/**
 * The gaps of an outage: what the listeners of channels without history are told when the broker is back.
 *
 * Streams read their logs then. A channel without a log cannot tell whether anything was published
 * meanwhile: its listeners are told `gap`, for an application that has to fetch its state again must be told
 * so. Invariants: a channel that was confirmed before the broker came back is told once for each outage; a
 * tick tells `MAX_GAPS_PER_TICK` channels at most, and none while too much waits to be delivered.
 */
import { channelOf } from "../broker/topic.js";
import type { FanOut } from "../delivery/fan-out.js";
import { gapPush } from "../delivery/push.js";
import type { Incidents } from "../runtime/incidents.js";
import type { Metrics } from "../runtime/metrics.js";
import type { Hub } from "./hub.js";
import type { TopicState } from "./topic-state.js";

/** 20,000 channels a second: each costs the loop a few µs, and a write for each of its listeners. */
export const MAX_GAPS_PER_TICK = 2_000;

export interface OutageGapsParts {
  readonly hub: Pick<Hub, "topicStates" | "has">;
  readonly fanOut: Pick<FanOut, "addAlways" | "hasRoom">;
  readonly metrics: Metrics;
  readonly incidents: Incidents;
}

export class OutageGaps {
  readonly #parts: OutageGapsParts;
  /** Topics that are yet to be told, the last one first. */
  #untold: TopicState[] = [];

  constructor(parts: OutageGapsParts) {
    this.#parts = parts;
  }

  /** The broker is back: what was published meanwhile did not come here. */
  restored(): void {
    this.#untold = [...this.#parts.hub.topicStates].filter(
      ({ stream, confirming, topic }) =>
        stream === undefined && confirming === undefined && channelOf(topic) !== undefined,
    );
    this.turn();
  }

  /** One tick's share. */
  turn(): void {
    const { fanOut, hub } = this.#parts;
    for (let left = MAX_GAPS_PER_TICK; left > 0 && fanOut.hasRoom; left--) {
      const topicState = this.#untold.pop();
      if (topicState === undefined) return;
      // One that was left and joined again meanwhile has listeners who have missed nothing.
      if (hub.has(topicState)) this.#tell(topicState);
    }
  }

  #tell(topicState: TopicState): void {
    const channel = channelOf(topicState.topic);
    if (channel === undefined) return;
    const { fanOut, incidents, metrics } = this.#parts;
    metrics.add("gaps", 1);
    incidents.note({ kind: "gap", code: "unverifiable", channel });
    fanOut.addAlways(topicState, gapPush({ channel, reason: "unverifiable" }));
  }
}
