import { isChannelName, namespaceOf } from "@holdfast/protocol";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { matches, patternProblem } from "./channel-pattern.js";

/** Names that are close to each other, and to patterns. */
const name = fc
  .array(fc.constantFrom("room", ":", "*", "..", "/", "a", "A", "о", "：", "é", "é", "?", "%2A", "\\"), {
    minLength: 1,
    maxLength: 8,
  })
  .map((parts) => parts.join(""))
  .filter(isChannelName);

describe("a channel pattern", () => {
  test.each([
    ["news", "news", true],
    ["news", "news2", false],
    ["room:*", "room:1", true],
    ["room:*", "room:a:b", true],
    ["room:*", "room:*", true],
    ["room:a*", "room:a", true],
    ["room:*", "room", false],
    ["room:*", "rooms:1", false],
    ["room:*", "Room:1", false],
    ["ne*", "news", true],
    ["ne*", "net:1", false],
    ["*", "news", true],
    ["*", "room:1", false],
    ["room*", "room:1", false],
  ])("%s, asked for %s: %s", (pattern, channel, expected) => {
    expect(patternProblem(pattern)).toBeUndefined();
    expect(matches(pattern, channel)).toBe(expected);
  });

  test.each([
    "",
    "**",
    "*:1",
    "*x",
    "room:*:1",
    "room:**",
    "ro*m:1",
    ":*",
    "room:",
    "a b*",
    "room:\u200b*",
    `${"x".repeat(255)}*`,
  ])("%j is none", (text) => expect(patternProblem(text)).toBeDefined());

  test("matches no channel of another namespace, and nothing that does not begin like it", () => {
    fc.assert(
      fc.property(name, name, (pattern, channel) => {
        if (patternProblem(pattern) !== undefined || !matches(pattern, channel)) return;
        expect(namespaceOf(channel)).toBe(namespaceOf(pattern));
        expect(channel.startsWith(pattern.replace(/\*$/, ""))).toBe(true);
      }),
    );
  });

  test("without a star matches its own name alone", () => {
    fc.assert(
      fc.property(name, name, (pattern, channel) => {
        if (!pattern.includes("*")) expect(matches(pattern, channel)).toBe(pattern === channel);
      }),
    );
  });

  test("of any text is judged without harm", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        const problem = patternProblem(text);
        if (problem === undefined) expect(isChannelName(text)).toBe(true);
      }),
    );
  });
});
