import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { findStamps, monotonicMicros, stampedData } from "./stamp.js";

test("a stamp is found in a message, and only this run's", () => {
  fc.assert(
    fc.property(
      fc.nat(999_999_999),
      fc.nat(Number.MAX_SAFE_INTEGER - 1),
      fc.string(),
      (round, sentMicros, noise) => {
        const own = stampedData({ run: "abc1", round, sentMicros });
        const other = stampedData({ run: "abc2", round, sentMicros });
        expect(JSON.parse(own)).toMatchObject({ swarm: "abc1", round });
        const text = `${noise}{"broadcast":{"data":${own}}}\n{"broadcast":{"data":${other}}}`;
        expect(findStamps(text, "abc1")).toEqual([{ run: "abc1", round, sentMicros }]);
      },
    ),
  );
});

test("what is no stamp is none", () => {
  expect(findStamps('{"broadcast":{"data":{"swarm":1}}}', "abc")).toEqual([]);
});

test("the clock goes on", () => {
  const before = monotonicMicros();
  expect(monotonicMicros()).toBeGreaterThanOrEqual(before);
});
