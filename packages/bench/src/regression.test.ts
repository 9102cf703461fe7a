import { expect, test } from "@jest/globals";
import { isWorse, regressions } from "./regression.js";
import { resultOf } from "./testing/result.js";

const summary = (min: number, median: number, max: number) => ({ min, median, max, runs: 3 });

test("worse is what lies outside both spreads and beyond a tenth", () => {
  const lower = { better: "lower" } as const;
  expect(isWorse(summary(9, 10, 11), summary(12, 13, 14), lower)).toBe(true);
  expect(isWorse(summary(9, 10, 11), summary(10.5, 13, 14), lower)).toBe(false);
  expect(isWorse(summary(9.9, 10, 10.1), summary(10.4, 10.5, 10.6), lower)).toBe(false);
  expect(isWorse(summary(9, 10, 11), summary(5, 6, 7), lower)).toBe(false);
  expect(isWorse(summary(9, 10, 11), summary(5, 6, 7), { better: "higher" })).toBe(true);
});

test("a metric's own noise counts where a tenth would be nothing", () => {
  expect(isWorse(summary(0, 0, 0), summary(1, 1, 1), { better: "lower", noise: 2 })).toBe(false);
  expect(isWorse(summary(0, 0, 0), summary(3, 3, 3), { better: "lower", noise: 2 })).toBe(true);
});

test("a slower machine is no regression when the peer got slower too", () => {
  const before = resultOf({ ours: [{ speed: 100 }], ws: [{ speed: 50 }] });
  const slower = resultOf({ ours: [{ speed: 50 }], ws: [{ speed: 25 }] });
  expect(regressions(before, slower)).toEqual([]);
});

test("ours alone getting slower is found, with the peer it was compared with", () => {
  const before = resultOf({ ours: [{ speed: 100 }], ws: [{ speed: 50 }] });
  const after = resultOf({ ours: [{ speed: 60 }], ws: [{ speed: 50 }] });
  expect(regressions(before, after)).toMatchObject([{ scenario: "s", case: "c", against: "ws" }]);
});

test("without a common peer our own figures are compared", () => {
  const before = resultOf({ ours: [{ cost: 10 }] });
  const after = resultOf({ ours: [{ cost: 20 }] });
  expect(regressions(before, after)).toMatchObject([{ against: undefined, metric: { key: "cost" } }]);
});

test("what the earlier result does not have is no regression", () => {
  expect(regressions(resultOf({}), resultOf({ ours: [{ cost: 20 }] }))).toEqual([]);
});
