import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { Histogram } from "../histogram.js";
import { FleetTimes } from "./fleet-times.js";

const times = fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 1, maxLength: 300 });

test("a quantile of all agents is that of all their values together", () => {
  fc.assert(
    fc.property(
      fc.array(times, { minLength: 1, maxLength: 8 }),
      fc.double({ min: 0.01, max: 1 }),
      (agents, share) => {
        const merged = new FleetTimes();
        const whole = new Histogram();
        for (const values of agents) {
          const own = new Histogram();
          for (const value of values) {
            own.record(value);
            whole.record(value);
          }
          merged.note(own.toSparse());
        }
        const [ours, theirs] = [merged.all.quantile(share), whole.quantile(share)];
        // The whole knows its largest value to the microsecond, a merged one to its bucket.
        expect(ours).toBeGreaterThanOrEqual(theirs);
        expect(ours).toBeLessThanOrEqual(theirs * (1 + 1 / 32) + 1);
      },
    ),
  );
});

test("averaged percentiles would be wrong: one slow agent of two shows in the p99", () => {
  const merged = new FleetTimes();
  for (const ms of [1, 100]) {
    const own = new Histogram();
    for (let n = 0; n < 100; n++) own.record(ms * 1_000);
    merged.note(own.toSparse());
  }
  expect(merged.all.quantile(0.99)).toBeGreaterThan(99_000);
});

test("a step has its own, and what is taken is taken once", () => {
  const all = new FleetTimes();
  all.note([4, 2]);
  all.beginStep();
  all.note([5, 1]);
  expect([all.all.total, all.step.total, all.take().total, all.take().total]).toEqual([3, 1, 3, 0]);
});
