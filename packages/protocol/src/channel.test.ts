import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { channelProblem, isChannelName, namespaceOf, userOf } from "./channel.js";
import { MAX_CHANNEL_BYTES } from "./limits.js";

const anyText = fc
  .array(fc.nat(0xffff), { maxLength: 300 })
  .map((units) => units.map((unit) => String.fromCharCode(unit)).join(""));

describe("a channel name", () => {
  it.each([
    "a",
    "news",
    "news,sport",
    "room:1",
    "room:1:2",
    "room::",
    "my-App_2:%41/?#[]",
    "日本",
    "größe",
    "ａ",
    "e\u0301",
    "🙂",
    "__proto__",
    "__proto__:constructor",
    "user",
    "user:42",
    // Unassigned in Unicode 16, and so assigned one day.
    "\u0378",
    "x".repeat(255),
    "é".repeat(127),
    "🙂".repeat(63),
  ])("may be %j", (name) => {
    expect(channelProblem(name)).toBeUndefined();
    expect(isChannelName(name)).toBe(true);
  });

  it.each([
    ["", "is empty"],
    ["x".repeat(256), "is longer than 255 bytes"],
    ["é".repeat(128), "is longer than 255 bytes"],
    ["🙂".repeat(64), "is longer than 255 bytes"],
    [":a", "has a namespace, the part before its first colon, outside A-Z a-z 0-9 _ -"],
    [":", "has a namespace, the part before its first colon, outside A-Z a-z 0-9 _ -"],
    ["größe:ß", "has a namespace, the part before its first colon, outside A-Z a-z 0-9 _ -"],
    ["a.b:c", "has a namespace, the part before its first colon, outside A-Z a-z 0-9 _ -"],
    ["room:", "has nothing after the colon of its namespace"],
    ["user:", "has nothing after the colon of its namespace"],
  ])("may not be %j: it %s", (name, problem) => {
    expect(channelProblem(name)).toBe(problem);
  });

  it.each([
    ["a space", " "],
    ["a no-break space", "\u00a0"],
    ["an ideographic space", "\u3000"],
    ["a line separator", "\u2028"],
    ["a newline", "\n"],
    ["a null", "\0"],
    ["a delete", "\x7f"],
    ["a C1 control", "\x85"],
    ["a zero-width space", "\u200b"],
    ["a zero-width joiner", "\u200d"],
    ["a right-to-left override", "\u202e"],
    ["a byte order mark", "\ufeff"],
    ["a soft hyphen", "\u00ad"],
    ["a private character", "\ue000"],
    ["a noncharacter", "\uffff"],
    ["a noncharacter of another plane", "\u{1fffe}"],
    ["a high surrogate alone", "\ud83d"],
    ["a low surrogate alone", "\ude42"],
  ])("has no %s anywhere", (_what, character) => {
    for (const name of [character, `a${character}`, `${character}a`, `room:${character}`]) {
      expect(channelProblem(name)).toMatch(
        /^has a (space|character that cannot be printed, U\+[0-9A-F]+) \(character \d+\)/,
      );
    }
  });

  it("is bounded in bytes and survives UTF-8, whatever is tried", () => {
    const lengths = fc.constantFrom(1, 84, 85, 86, 127, 128, 254, 255, 256);
    const uniform = fc
      .tuple(fc.constantFrom("a", "é", "日", "🙂"), lengths)
      .map(([character, length]) => character.repeat(length));
    fc.assert(
      fc.property(fc.oneof(anyText, fc.string({ unit: "grapheme" }), uniform), (name) => {
        const bytes = new TextEncoder().encode(name);
        if (bytes.length > MAX_CHANNEL_BYTES || bytes.length === 0) expect(isChannelName(name)).toBe(false);
        if (isChannelName(name)) expect(new TextDecoder().decode(bytes)).toBe(name);
        // The same alphabet allows every length up to the limit.
        if (/^(?:a+|é+|日+|🙂+)$/u.test(name))
          expect(isChannelName(name)).toBe(bytes.length <= MAX_CHANNEL_BYTES);
      }),
      { numRuns: 1000 },
    );
  });

  it("is any printable ASCII without a colon, and its own namespace of any", () => {
    const printable = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code));
    const rest = fc.string({ unit: printable, minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/), rest, (namespace, rest) => {
        const plain = rest.replaceAll(":", "-");
        expect(channelProblem(plain)).toBeUndefined();
        expect(namespaceOf(plain)).toBe("");
        expect(channelProblem(`${namespace}:${rest}`)).toBeUndefined();
        expect(namespaceOf(`${namespace}:${rest}`)).toBe(namespace);
      }),
    );
  });

  it("belongs to a user only in the namespace `user`, exactly", () => {
    expect(userOf("user:42")).toBe("42");
    expect(userOf("user:a:b")).toBe("a:b");
    for (const name of ["user", "users:42", "User:42", "user-42", "room:user:42", "ｕser:42"]) {
      expect(userOf(name)).toBeUndefined();
    }
  });
});
