import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Pacer } from "./pacer.js";

describe("the pacer", () => {
  test("gives the rate, however often it is asked", () => {
    const pacer = new Pacer(1_000, 0);
    let given = 0;
    for (let ms = 0; ms <= 10_000; ms += 7) given += pacer.take(ms, Number.POSITIVE_INFINITY);
    expect(given).toBeGreaterThanOrEqual(9_990);
    expect(given).toBeLessThanOrEqual(10_000);
  });

  test("a slow rate comes to whole connections in the end", () => {
    const pacer = new Pacer(1, 0);
    let given = 0;
    for (let ms = 0; ms <= 10_000; ms += 50) given += pacer.take(ms, 1);
    expect(given).toBe(10);
  });

  test("what had no room is not made up for in a burst", () => {
    const pacer = new Pacer(1_000, 0);
    for (let ms = 0; ms <= 5_000; ms += 50) expect(pacer.take(ms, 0)).toBe(0);
    expect(pacer.take(5_050, Number.POSITIVE_INFINITY)).toBe(250);
  });

  test("never more than rate × (time + 0.25 s), never more than there is room for", () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 0, max: 300 })));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), steps, (rate, asked) => {
        const pacer = new Pacer(rate, 0);
        let [now, given] = [0, 0];
        for (const [pause, room] of asked) {
          now += pause;
          const count = pacer.take(now, room);
          expect(count).toBeLessThanOrEqual(room);
          given += count;
        }
        expect(given).toBeLessThanOrEqual(Math.max(1, rate * (now / 1000 + 0.25)) + 1e-6);
      }),
    );
  });
});
