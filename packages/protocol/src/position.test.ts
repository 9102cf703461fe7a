import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { isPosition } from "./position.js";

describe("a position", () => {
  it("is an offset that a double holds exactly and an epoch of 1 to 64 characters", () => {
    fc.assert(
      fc.property(
        fc.nat(Number.MAX_SAFE_INTEGER),
        fc.string({ minLength: 1, maxLength: 64 }),
        (offset, epoch) => expect(isPosition({ offset, epoch })).toBe(true),
      ),
    );
  });

  it.each([
    null,
    undefined,
    1,
    "1",
    [],
    {},
    { offset: 1 },
    { epoch: "e" },
    { offset: -1, epoch: "e" },
    { offset: 1.5, epoch: "e" },
    { offset: 2 ** 53, epoch: "e" },
    { offset: Number.POSITIVE_INFINITY, epoch: "e" },
    { offset: "1", epoch: "e" },
    { offset: 1, epoch: "" },
    { offset: 1, epoch: "e".repeat(65) },
    { offset: 1, epoch: 1 },
  ])("is not %j", (value) => {
    expect(isPosition(value)).toBe(false);
  });
});
