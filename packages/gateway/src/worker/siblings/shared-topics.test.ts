/**
 * What a worker remembers over an outage of its own link: topics that it has heard before, which another home
 * may bring once more.
 */
import { channelTopic, noMetrics, type OwnSubscriptions } from "@holdfast/core";
import { FakeClock } from "@holdfast/core/testing";
import { beforeEach, describe, expect, test } from "@jest/globals";
import type { SiblingHome, TopicPlacement } from "./placement.js";
import { SharedTopics } from "./shared-topics.js";

const NEWS = channelTopic("news");

describe("SharedTopics after an outage", () => {
  let clock: FakeClock;
  let topics: SharedTopics;
  let placements: TopicPlacement[];
  let marks: string[];
  let told: string[];
  let self: SiblingHome;

  const own: OwnSubscriptions = {
    subscribe: async () => {},
    unsubscribe: async () => {},
    fence: async (mark) => void marks.push(mark),
    orderOf: () => "",
  };

  beforeEach(async () => {
    [placements, marks, told] = [[], [], []];
    clock = new FakeClock();
    self = { slot: 0, subscribe: (placement) => void placements.push(placement), unsubscribe() {} };
    topics = new SharedTopics(
      { self, name: "w", clock, metrics: noMetrics },
      {
        payload: (_topic, payload) => told.push(payload.toString()),
        skipped: () => told.push("skipped"),
      },
    );
    topics.attach(own);
    await wish();
    bring("1");
  });

  /** Returns whether the wish is confirmed without a fence. */
  async function wish(): Promise<boolean> {
    let isConfirmed = false;
    topics.subscribe([NEWS]).then(
      () => {
        isConfirmed = true;
      },
      () => {},
    );
    placements.at(-1)?.confirmed();
    await clock.settle();
    clock.advance(0);
    await clock.settle();
    return isConfirmed;
  }

  function bring(text: string): void {
    placements.at(-1)?.payload({ bytes: Buffer.from(text) });
  }

  function outage(): void {
    topics.detach();
    topics.attach(own);
  }

  test("what comes before a fence is passed over: the home may be behind what was heard", async () => {
    outage();
    expect(await wish()).toBe(false);
    bring("1");
    expect(marks).toHaveLength(1);
    topics.fence(self, marks[0] ?? "");
    bring("2");
    expect(told).toEqual(["1", "2"]);
  });

  test("topics that are not wished again within a minute are new afterwards", async () => {
    outage();
    clock.advance(60_000);
    expect(await wish()).toBe(true);
    bring("2");
    expect(told).toEqual(["1", "2"]);
    expect(marks).toEqual([]);
  });

  test("the minute begins with the last link", async () => {
    outage();
    clock.advance(59_999);
    outage();
    clock.advance(59_999);
    expect(await wish()).toBe(false);
    expect(marks).toHaveLength(1);
  });

  test("a topic whose wish was withdrawn meanwhile is new", async () => {
    topics.detach();
    await topics.unsubscribe([NEWS]);
    topics.attach(own);
    expect(await wish()).toBe(true);
    bring("2");
    expect(told).toEqual(["1", "2"]);
  });
});
