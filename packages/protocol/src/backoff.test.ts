import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { BACKOFF_DEFAULTS, backoffDelay } from "./backoff.js";

const attempt = fc.nat(1_000_000);
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe("backoffDelay", () => {
  it("doubles the upper bound from 0.5 s to 20 s and stays there", () => {
    const almostOne = 1 - Number.EPSILON / 2;
    const longest = [0, 1, 2, 3, 4, 5, 6, 7, 1e6].map((attempt) => backoffDelay(attempt, almostOne));
    expect(longest).toEqual([499, 999, 1999, 3999, 7999, 15_999, 19_999, 19_999, 19_999]);
  });

  it("spreads over everything below the bound", () => {
    for (const share of [0, 0.25, 0.5, 0.75]) expect(backoffDelay(3, share)).toBe(share * 4000);
  });

  it("is a whole number of ms, never past the bound", () => {
    fc.assert(
      fc.property(attempt, random, (attempt, random) => {
        const delay = backoffDelay(attempt, random);
        expect(Number.isInteger(delay)).toBe(true);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThan(BACKOFF_DEFAULTS.maxDelayMs);
      }),
    );
  });

  it("waits at least as long as the server asked, and still spreads", () => {
    fc.assert(
      fc.property(attempt, random, fc.nat(100_000), (attempt, random, notBefore) => {
        expect(backoffDelay(attempt, random, notBefore)).toBe(notBefore + backoffDelay(attempt, random));
      }),
    );
  });

  it("grows with the attempt for the same draw", () => {
    fc.assert(
      fc.property(attempt, random, (attempt, random) => {
        expect(backoffDelay(attempt + 1, random)).toBeGreaterThanOrEqual(backoffDelay(attempt, random));
      }),
    );
  });

  it("keeps to the bounds it is given", () => {
    const options = { minDelayMs: 10, maxDelayMs: 15, stableAfterMs: 1 };
    expect([0, 1, 2].map((attempt) => backoffDelay(attempt, 0.9, 0, options))).toEqual([9, 13, 13]);
  });
});
