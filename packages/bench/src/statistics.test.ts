import { describe, expect, test } from "@jest/globals";
import { pairedRatios, quantile, skew, slope, spread, summarise } from "./statistics.js";

describe("summarise", () => {
  test("takes the middle of an odd number of runs and the mean of the two middles of an even one", () => {
    expect(summarise([30, 10, 20])).toEqual({ median: 20, min: 10, max: 30, runs: 3 });
    expect(summarise([4, 1, 2, 3])?.median).toBe(2.5);
  });

  test("leaves out what is no number, and has nothing to say about nothing", () => {
    expect(summarise([Number.NaN, 5])).toEqual({ median: 5, min: 5, max: 5, runs: 1 });
    expect(summarise([])).toBeUndefined();
  });
});

test("spread is half the range as a share of the median", () => {
  expect(spread({ median: 100, min: 90, max: 120, runs: 3 })).toBeCloseTo(0.15);
  expect(spread({ median: 0, min: 0, max: 3, runs: 3 })).toBe(0);
});

test("ratios are made within a run, and only where both sides have one", () => {
  const mine = new Map([
    [1, 10],
    [2, 30],
    [3, 5],
  ]);
  const theirs = new Map([
    [1, 20],
    [2, 10],
    [4, 1],
  ]);
  expect(pairedRatios(mine, theirs)).toEqual([0.5, 3]);
  expect(pairedRatios(mine, new Map([[1, 0]]))).toEqual([]);
});

test("skew is the largest difference by the mean", () => {
  expect(skew([100, 100])).toBe(0);
  expect(skew([95, 105])).toBeCloseTo(0.1);
  expect(skew([0, 0])).toBe(0);
});

test("quantile stays inside the values", () => {
  const sorted = [1, 2, 3, 4];
  expect(quantile(sorted, 0)).toBe(1);
  expect(quantile(sorted, 0.5)).toBe(3);
  expect(quantile(sorted, 1)).toBe(4);
  expect(quantile([], 0.5)).toBe(0);
});

test("a slope is not tilted by one step", () => {
  const line = Array.from({ length: 14 }, (_, x) => [x, 3 * x] as const);
  const stepped = line.map(([x, y]) => [x, x < 12 ? y : y - 20] as const);
  expect(slope(line)).toBe(3);
  expect(slope(stepped)).toBeCloseTo(3, 0);
  expect(slope([[1, 1]])).toBe(0);
});
