import { beforeEach, describe, expect, test } from "@jest/globals";
import { channelTopic, type Topic, userTopic } from "../broker/topic.js";
import type { Stream } from "../history/stream.js";
import { DISCONNECT } from "../namespace.js";
import { Incidents } from "../runtime/incidents.js";
import { RecordingMetrics } from "../testing/recording-metrics.js";
import { MAX_GAPS_PER_TICK, OutageGaps } from "./outage-gaps.js";
import { TopicState } from "./topic-state.js";

let states: Map<Topic, TopicState>;
let told: string[];
let hasRoom: boolean;
let metrics: RecordingMetrics;
let gaps: OutageGaps;

function add(topic: Topic, stream?: Stream): TopicState {
  const topicState = new TopicState(topic, undefined, stream, DISCONNECT, undefined);
  states.set(topic, topicState);
  return topicState;
}

beforeEach(() => {
  states = new Map();
  told = [];
  hasRoom = true;
  metrics = new RecordingMetrics();
  gaps = new OutageGaps({
    hub: {
      get topicStates() {
        return states.values();
      },
      has: (topicState) => states.get(topicState.topic) === topicState,
    },
    fanOut: {
      get hasRoom() {
        return hasRoom;
      },
      addAlways: (_audience, push) => void told.push(JSON.stringify(push)),
    },
    metrics,
    incidents: new Incidents(Date.now),
  });
});

describe("the gaps of an outage", () => {
  test("are told of channels without history, once for each outage", () => {
    add(channelTopic("plain"));
    add(channelTopic("kept"), {} as Stream);
    add(userTopic("ada"));
    add(channelTopic("late")).confirming = Promise.resolve();
    gaps.restored();
    gaps.turn();
    expect(told).toEqual([JSON.stringify({ op: "gap", body: { channel: "plain", reason: "unverifiable" } })]);
    expect(metrics.count("gaps")).toBe(1);
    gaps.restored();
    expect(told).toHaveLength(2);
  });

  test("are spread over ticks, and wait where too much waits to be delivered", () => {
    for (let n = 0; n < MAX_GAPS_PER_TICK + 5; n++) add(channelTopic(`c${n}`));
    gaps.restored();
    expect(told).toHaveLength(MAX_GAPS_PER_TICK);
    hasRoom = false;
    gaps.turn();
    expect(told).toHaveLength(MAX_GAPS_PER_TICK);
    hasRoom = true;
    gaps.turn();
    expect(new Set(told).size).toBe(MAX_GAPS_PER_TICK + 5);
  });

  test("are not told of a channel that was left meanwhile, nor of one that was joined since", () => {
    for (let n = 0; n < MAX_GAPS_PER_TICK + 2; n++) add(channelTopic(`c${n}`));
    gaps.restored();
    // Those that are yet to be told came first.
    states.delete(channelTopic("c0"));
    add(channelTopic("c1"));
    gaps.turn();
    expect(told).toHaveLength(MAX_GAPS_PER_TICK);
  });
});
