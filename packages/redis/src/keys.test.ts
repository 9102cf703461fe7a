import { BROADCAST, channelTopic, userTopic } from "@holdfast/core";
import { describe, expect, test } from "@jest/globals";
import { slotOf } from "./connection/slot.js";
import { RedisKeys } from "./keys.js";

describe("names in Redis", () => {
  const keys = new RedisKeys("holdfast:");

  test("a topic's channel is what the documentation tells backends to publish to", () => {
    expect(keys.channel(BROADCAST)).toBe("holdfast:broadcast");
    expect(keys.channel(channelTopic("room:42"))).toBe("holdfast:channel:room:42");
    expect(keys.channel(userTopic("42"))).toBe("holdfast:user:42");
  });

  test("a channel is read back as its topic", () => {
    for (const topic of [BROADCAST, channelTopic("room:42"), userTopic("a b")]) {
      expect(keys.topic(keys.channel(topic))).toBe(topic);
    }
  });

  test("databases do not hear each other: pub/sub has only one space of names", () => {
    const other = new RedisKeys("holdfast:", 4);
    expect(other.channel(channelTopic("room:42"))).toBe("holdfast:db4:channel:room:42");
    expect(other.topic("holdfast:db4:channel:room:42")).toBe(channelTopic("room:42"));
    expect(other.topic("holdfast:channel:room:42")).toBeUndefined();
    expect(keys.topic("holdfast:db4:channel:room:42")).toBeUndefined();
    expect(other.log(channelTopic("a"))).toBe(keys.log(channelTopic("a")));
  });

  test("a topic of one channel or user has a sharded channel in the slot of its keys, and is read back", () => {
    for (const topic of [channelTopic("room:42"), channelTopic("a"), userTopic("a}{b"), userTopic("{}")]) {
      const channel = keys.channel(topic);
      const sharded = keys.sharded.of(channel) ?? "";
      expect(slotOf(sharded)).toBe(slotOf(keys.log(topic)));
      expect(keys.sharded.plain(sharded)).toBe(channel);
      expect(keys.sharded.destination(channel)).toBe(`{9}${channel}`);
    }
    expect(keys.sharded.of(keys.channel(BROADCAST))).toBeUndefined();
    expect(keys.sharded.destination(keys.channel(BROADCAST))).toBe("holdfast:broadcast");
  });

  test("a probe is not taken for a topic", () => {
    expect(keys.probe("1")).toBe("holdfast:probe:1");
    expect(keys.topic(keys.probe("1"))).toBeUndefined();
  });

  test.each(["", "holdfast:", "holdfast:channel:", "holdfast:channel:a b", "other:broadcast", "broadcast"])(
    "%j is no channel of ours",
    (channel) => {
      expect(keys.topic(channel)).toBeUndefined();
    },
  );
});
