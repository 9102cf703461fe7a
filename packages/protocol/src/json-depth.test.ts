import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { exceedsDepth } from "./json-depth.js";

/** The same question, put to the parsed value. */
function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

const tricky = fc.string({ unit: fc.constantFrom("[", "]", "{", "}", '"', "\\", "\n", "\u017b", "a") });
const { value } = fc.letrec<{ value: unknown; list: unknown; fields: unknown }>((tie) => ({
  value: fc.oneof({ maxDepth: 12 }, fc.constantFrom<unknown>(0, null), tricky, tie("list"), tie("fields")),
  list: fc.array(tie("value"), { maxLength: 3 }),
  fields: fc.dictionary(tricky, tie("value"), { maxKeys: 3 }),
}));

describe("exceedsDepth", () => {
  it("agrees with a recursive count for any JSON, compact or indented", () => {
    fc.assert(
      fc.property(value, fc.nat(14), fc.constantFrom(undefined, 1), (value, limit, indent) => {
        expect(exceedsDepth(JSON.stringify(value, null, indent), limit)).toBe(depthOf(value) > limit);
      }),
      { numRuns: 1000 },
    );
  });

  it("finds the deepest of several lines", () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 5 }), fc.nat(10), (values, limit) => {
        const lines = values.map((value) => JSON.stringify(value)).join("\n");
        expect(exceedsDepth(lines, limit)).toBe(values.some((value) => depthOf(value) > limit));
      }),
    );
  });

  it("answers for any text", () => {
    fc.assert(
      fc.property(fc.oneof(tricky, fc.string({ unit: "binary" })), fc.nat(5), (text, limit) => {
        expect(typeof exceedsDepth(text, limit)).toBe("boolean");
      }),
    );
  });

  it("stops at the first bracket too many", () => {
    expect(exceedsDepth("[".repeat(64), 64)).toBe(false);
    expect(exceedsDepth(`${"[".repeat(65)}${'"'.repeat(1e6)}`, 64)).toBe(true);
  });
});
