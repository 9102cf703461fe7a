import { describe, expect, test } from "@jest/globals";
import { channelsQuery, checkChannels, DEFAULT_CHANNELS } from "./channels.js";

describe("the pattern of channels", () => {
  test("has the connection's number and remainders of it", () => {
    expect(channelsQuery("news,room:{i%10},user-{i}", 1234)).toBe("news,room%3A4,user-1234");
  });

  test.each([DEFAULT_CHANNELS, "news", "a:{i},b:{i%7}"])("%s is one", (pattern) => {
    expect(() => checkChannels(pattern)).not.toThrow();
  });

  test.each(["", "a,,b", "a b", "x{n}", "{i%0}", `${"x".repeat(250)}{i}`])("%j is none", (pattern) => {
    expect(() => checkChannels(pattern)).toThrow(/^channels: /);
  });
});
