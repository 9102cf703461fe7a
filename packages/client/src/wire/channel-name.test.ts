import { isChannelName } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { isChannel } from "./channel-name.js";

describe("isChannel", () => {
  it("says what the protocol says", () => {
    const part = fc.oneof(
      fc.string({ unit: "binary", maxLength: 5 }),
      fc.constantFrom(":", "a", "_", "-", " ", "é", "\n", "x".repeat(253), "ä".repeat(127)),
    );
    const name = fc.array(part, { maxLength: 4 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(name, (each) => expect(isChannel(each)).toBe(isChannelName(each))),
      { numRuns: 2_000 },
    );
  });
});
