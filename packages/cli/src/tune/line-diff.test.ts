import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { lineDiff } from "./line-diff.js";

const shown = (before: string, after: string): string[] =>
  lineDiff(before, after).map(({ kind, line }) => `${{ same: " ", gone: "-", new: "+" }[kind]}${line}`);

describe("the difference of two texts", () => {
  it("names the lines that go and come, in their places", () => {
    expect(shown("a\nb\nc\n", "a\nx\nc\nd\n")).toEqual([" a", "-b", "+x", " c", "+d"]);
    expect(shown("", "a\n")).toEqual(["+a"]);
    expect(shown("a\n", "")).toEqual(["-a"]);
    expect(shown("a\n", "a\n")).toEqual([" a"]);
  });

  it("gives both texts again", () => {
    const text = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 12 });
    fc.assert(
      fc.property(text, text, (before, after) => {
        const changes = lineDiff(before.join("\n"), after.join("\n"));
        const of = (kind: "gone" | "new"): string[] =>
          changes.filter((each) => each.kind === "same" || each.kind === kind).map(({ line }) => line);
        expect(of("gone")).toEqual(before);
        expect(of("new")).toEqual(after);
      }),
    );
  });
});
