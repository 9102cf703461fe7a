import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Histogram } from "./histogram.js";

const VALUES = fc.array(fc.integer({ min: 0, max: 2 ** 35 }), { minLength: 1, maxLength: 200 });

describe("the histogram", () => {
  test("quantiles are at or above the true ones, by a thirty-second at most", () => {
    fc.assert(
      fc.property(VALUES, fc.double({ min: 0.001, max: 1, noNaN: true }), (values, share) => {
        const histogram = new Histogram();
        for (const value of values) histogram.record(value);
        const sorted = [...values].sort((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1] ?? 0;
        expect(histogram.quantile(share)).toBeGreaterThanOrEqual(exact);
        expect(histogram.quantile(share)).toBeLessThanOrEqual(exact * (1 + 1 / 32));
      }),
    );
  });

  test("what was sent and merged counts like what was recorded", () => {
    fc.assert(
      fc.property(VALUES, VALUES, (first, second) => {
        const [whole, merged] = [new Histogram(), new Histogram()];
        for (const values of [first, second]) {
          const part = new Histogram();
          for (const value of values) {
            part.record(value);
            whole.record(value);
          }
          merged.merge(JSON.parse(JSON.stringify(part.toSparse())));
        }
        expect(merged.total).toBe(whole.total);
        expect(merged.toSparse()).toEqual(whole.toSparse());
      }),
    );
  });

  test("nothing recorded is 0, and beyond the range is the last bucket", () => {
    const histogram = new Histogram();
    expect(histogram.quantile(0.99)).toBe(0);
    histogram.record(2 ** 50);
    histogram.record(-5);
    expect(histogram.total).toBe(2);
    expect(histogram.max).toBe(2 ** 50);
    histogram.clear();
    expect(histogram.toSparse()).toEqual([]);
  });
});
