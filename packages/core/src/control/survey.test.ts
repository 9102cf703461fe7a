import { describe, expect, it } from "@jest/globals";
import { channelTopic } from "../broker/topic.js";
import type { Connection } from "../connection/connection.js";
import type { Outbox } from "../delivery/outbox.js";
import { memoryWorld } from "../testing/core-world.js";
import { mergeSurveys, Surveys } from "./survey.js";

describe("a survey", () => {
  it("names the busiest channels with their rate since the survey before", async () => {
    const world = memoryWorld();
    await world.subscribed("news", "sport");
    await world.subscribed("news");
    world.core.inspector.survey();
    for (let each = 0; each < 6; each++) await world.broker.publish(channelTopic("news"), `${each}`);
    await world.broker.publish(channelTopic("sport"), "1");
    await world.settle();
    world.clock.advance(2000);
    expect(world.core.inspector.survey().busiest).toEqual([
      { channel: "news", subscribers: 2, rate: 3 },
      { channel: "sport", subscribers: 1, rate: 0.5 },
    ]);
  });

  it("is made at most once a second, and later after one that took long", () => {
    const time = { ms: 0, cost: 1 };
    let walks = 0;
    const surveys = new Surveys(
      {
        connections: () => {
          walks++;
          time.ms += time.cost / 2; // two walks each
          return [] as Connection[];
        },
        topicStates: () => [],
        outbox: {} as Outbox,
      },
      { now: () => time.ms, monotonic: () => time.ms },
      0.005,
    );
    const first = surveys.take();
    expect(surveys.take()).toBe(first);
    time.ms = 1000;
    time.cost = 100;
    expect(surveys.take()).not.toBe(first);
    expect(walks).toBe(4);
    time.ms += 19_000; // 0.5 % of 20 s is 100 ms
    surveys.take();
    expect(walks).toBe(4);
    time.ms += 1_000;
    surveys.take();
    expect(walks).toBe(6);
  });

  it("names the sessions with most channels, the widest first", async () => {
    const world = memoryWorld();
    for (let n = 0; n < 30; n++)
      await world.subscribed(...Array.from({ length: 1 + (n % 25) }, (_, each) => `c${n}-${each}`));
    const { widest } = world.core.inspector.survey();
    expect(widest.map(({ channels }) => channels)).toEqual(
      Array.from({ length: 20 }, (_, place) => 25 - place),
    );
    expect(widest[0]).toEqual({ session: expect.any(String), channels: 25 });
  });

  it("of several workers adds what waits and subscribers, and does not add rates", () => {
    const base = { at: 5, outboxBytes: 10, waiting: 1, slowest: [], widest: [] };
    const merged = mergeSurveys([
      { ...base, busiest: [{ channel: "a", subscribers: 2, rate: 4 }] },
      { ...base, at: 3, busiest: [{ channel: "a", subscribers: 1, rate: 5 }] },
    ]);
    expect(merged).toMatchObject({ at: 3, outboxBytes: 20, waiting: 2 });
    expect(merged.busiest).toEqual([{ channel: "a", subscribers: 3, rate: 5 }]);
    expect(mergeSurveys([]).outboxBytes).toBe(0);
  });
});
