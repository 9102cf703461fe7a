import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { ClockEstimate } from "./clock-estimate.js";

test("without an answer there is no difference and no error", () => {
  const estimate = new ClockEstimate();
  expect([estimate.offsetMicros, estimate.errorMicros]).toEqual([0, undefined]);
});

test("the true difference is within the error, whatever the ways took", () => {
  const way = fc.integer({ min: 0, max: 200_000 });
  fc.assert(
    fc.property(
      fc.integer({ min: -1e12, max: 1e12 }),
      fc.array(fc.tuple(way, way), { minLength: 1, maxLength: 40 }),
      (difference, ways) => {
        const estimate = new ClockEstimate();
        let now = 5e12;
        for (const [there, back] of ways) {
          const askedMicros = now;
          now += there + back;
          estimate.note({ askedMicros, theirMicros: askedMicros + there - difference, arrivedMicros: now });
        }
        const off = Math.abs(estimate.offsetMicros - difference);
        expect(off).toBeLessThanOrEqual((estimate.errorMicros ?? 0) + 1);
      },
    ),
  );
});

test("an old answer is forgotten, so that clocks that drift are followed", () => {
  const estimate = new ClockEstimate();
  estimate.note({ askedMicros: 0, theirMicros: 0, arrivedMicros: 0 });
  for (let n = 1; n <= 20; n++) {
    const at = n * 1_000_000;
    estimate.note({ askedMicros: at, theirMicros: at - 500, arrivedMicros: at + 100 });
  }
  expect(estimate.offsetMicros).toBe(550);
});
